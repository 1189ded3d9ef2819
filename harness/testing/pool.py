# SPDX-License-Identifier: GPL-2.0-or-later
"""Testbeds of a test session, and what is kept of them."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from harness.errors import HarnessError
from harness.testbed import State, Testbed, boot, halt
from harness.testbed.record import Folder

Key = tuple[str, tuple[str, ...], State]

# Testbeds that run at the same time: an idle one costs its memory and little else.
AT_ONCE = 2
# Of a process' testbeds, whichever pool they are in.
_numbers = itertools.count()


class TestbedPool:
    """The session's testbeds: each booted when first asked for, all halted at its end."""

    __test__ = False

    def __init__(self, logs: Path, xen: Path | None = None) -> None:
        self._logs = logs
        self._files = {"xen": xen} if xen else None
        self._open: dict[Key, Testbed] = {}
        self._failed: dict[Key, HarnessError] = {}
        self._logs_of: dict[Key, Path] = {}
        self.asked: set[Key] = set()
        """Keys that were asked for since somebody cleared this: those of one test."""

    def get(
        self, profile: str, overrides: Sequence[str] = (), *, until: State = State.READY
    ) -> Testbed:
        """A testbed of that profile: the same one until a test that used it failed (``retire``).

        One that does not boot is tried once: the tests after it name its failure.
        """
        key = (profile, tuple(overrides), until)
        self.asked.add(key)
        if key in self._failed:
            raise self._failed[key]
        if key not in self._open:
            while len(self._open) >= AT_ONCE:
                self._halt(next(iter(self._open)))
            name = f"test-{os.getpid()}-{next(_numbers)}"
            try:
                self._open[key] = boot(
                    profile,
                    overrides=overrides,
                    name=name,
                    until=until,
                    background=False,
                    files=self._files,
                )
            except HarnessError as error:
                self._failed[key] = error
                self._logs_of[key] = self._put_away(Folder.named(name))
                raise
        testbed = self._open[key]
        testbed.check()
        return testbed

    def retire(self) -> None:
        """Halt those that were asked for: a failed test may have left anything behind in them."""
        for key in self.asked & self._open.keys():
            self._halt(key)

    def close(self) -> None:
        """Halt all and keep their logs."""
        for key in list(self._open):
            self._halt(key)

    def _halt(self, key: Key) -> None:
        testbed = self._open.pop(key)
        testbed.close()
        halt(testbed.name)
        self._put_away(testbed.folder)

    def _put_away(self, folder: Folder) -> Path:
        logs = keep_logs(folder, self._logs)
        remove(folder)
        return logs

    def seen(self) -> tuple[list[Testbed], list[Path]]:
        """What was asked for: testbeds that run, and the logs of those that did not come up."""
        running = [self._open[key] for key in self.asked if key in self._open]
        return running, [self._logs_of[key] for key in self.asked if key in self._logs_of]


def keep_logs(folder: Folder, into: Path) -> Path:
    """Copy what tells what happened: consoles, events, state, QEMU's and the supervisor's words."""
    target = into / folder.name
    target.mkdir(parents=True, exist_ok=True)
    for path in (
        folder.path / "qemu.log",
        folder.supervisor_log,
        folder.events,
        folder.path / "state.json",
        *folder.consoles.glob("*.log"),
    ):
        if path.exists():
            shutil.copyfile(path, target / path.name)
    return target


def remove(folder: Folder) -> None:
    """Remove the folder of a testbed that has ended."""
    if not folder.running():
        shutil.rmtree(folder.path, ignore_errors=True)
