# SPDX-License-Identifier: GPL-2.0-or-later
"""Samples a run by the clock, and has it stopped when the books do not balance.

Beside the samples that steps take: a thread with connections of its own. It never runs where
instructions are counted, for it would be counted, too; and it takes at most a quarter of the time.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from harness.errors import HarnessError, HypervisorError
from harness.report.books import gained_kib
from harness.report.run import Scalar
from harness.report.runfolder import RunFolder
from harness.report.sight import Sight, disagreements, restless
from harness.scenarios.bed import Observer
from harness.scenarios.pressure import note_pressure

# How often a look that does not add up is taken again: pages move while they are counted.
LOOKS = 4
SHARE = 3
PAGES = ("nominal", "resident", "compressed", "zero", "same", "lzo", "discarded", "ballooned")


class Sampler:
    """Records what an observer sees, from its first look on.

    evidence: called once, when the books do not balance, to keep what else can be known
    """

    def __init__(
        self,
        observer: Observer,
        folder: RunFolder,
        *,
        profile: str,
        every_s: float,
        evidence: Callable[[], None] = lambda: None,
    ) -> None:
        self._observer = observer
        self._folder = folder
        self._profile = profile
        self._every_s = every_s
        self._evidence = evidence
        self._base: Sight | None = None
        self._stop = threading.Event()
        self._last = False
        self._violation: HypervisorError | None = None
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def start(self) -> None:
        """Sample from now on."""
        self._thread.start()

    def stop(self, *, last: bool = False) -> None:
        """No more samples after, if wished for, a last one."""
        self._last = last
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def check(self) -> None:
        """Raise HypervisorError if a sample showed that the books do not balance."""
        if self._violation is not None:
            raise self._violation

    def _run(self) -> None:
        while not self._stop.is_set() or self._last:
            # A short run has a sample at its beginning and one at its end.
            self._last = False
            began = time.monotonic()
            try:
                self.sample()
            except HypervisorError as error:
                self._violation = error
                self._folder.event("violation", message=error.message, context=list(error.context))
                with suppress(HarnessError):
                    self._evidence()
                return
            except HarnessError as error:
                # The machine is gone or busy: whoever works with it learns of that by itself.
                self._folder.event("no-sample", message=str(error))
            took = time.monotonic() - began
            self._stop.wait(max(self._every_s - took, took * SHARE))

    def sample(self) -> None:
        """Look once and record. Raises HypervisorError when what is seen never adds up."""
        kernels = self._observer.kernels()
        board_kib, emulator_kib = self._observer.emulator()
        seen = self._observer.look()
        wrong: list[str] = []
        for _ in range(LOOKS):
            again = self._observer.look()
            sight = dataclasses.replace(
                again, kernels=kernels, board_kib=board_kib, emulator_kib=emulator_kib
            )
            if self._base is None or self._base.who != sight.who:
                self._base = sight
            wrong = list(disagreements(sight, self._base, slack=restless(seen, again)))
            if not wrong:
                self._record(sight)
                return
            seen = again
            kernels = self._observer.kernels()
        self._record(sight)
        raise HypervisorError(
            f"{wrong[0]}, in {LOOKS} looks",
            where=f"profile {self._profile}, after {self._folder.elapsed_s:.0f} s",
            hint="events.jsonl and consoles/ in the run folder",
            context=wrong[1:],
        )

    def _record(self, sight: Sight) -> None:
        labels: dict[str, Scalar] = {"sample": "clock", "profile": self._profile}
        metric = self._folder.metric
        for name, stats in sight.domains.items():
            for key in (*PAGES, "store_pages", "table_pages"):
                metric(key, getattr(stats, key), "pages", guest=name, **labels)
            metric("gained", gained_kib(stats), "KiB", guest=name, **labels)
            metric("restores", sum(stats.restores.values()), "pages", guest=name, **labels)
        for name, kernel in sight.kernels.items():
            for key, kib in kernel.items():
                metric(f"kernel_{key}", kib, "KiB", guest=name, **labels)
        for name, pressure in self._observer.pressure.items():
            note_pressure(self._folder, pressure, {"guest": name, **labels})
        for key in ("free", "reserve", "dom0", "xen_own"):
            metric(f"host_{key}", getattr(sight, key), "pages", **labels)
        if sight.emulator_kib is not None:
            metric("emulator_resident", sight.emulator_kib, "KiB", **labels)
