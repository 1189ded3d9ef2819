# SPDX-License-Identifier: GPL-2.0-or-later
"""The same work with less and less of the guest's memory, by each technique: the CRAMES sweep.

A cell is a workload under a technique with so many percent of the guest's memory. Every cell begins
from the same bare guest of the same boot, and every repetition takes them in the other order. The
work is done before, and then it rests until what is in use has found its place. The first go after
that is waking: whatever grew old meanwhile is young again, and came back if it was compressed. The
second is the steady work that is compared, as ``slowdown``, with the same work with all of the
memory and no technique in the same repetition; the first is, as ``slowdown_waking``.
"""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from harness.deadline import Deadline, DeadlineExceeded
from harness.errors import GuestError, ScenarioFailed
from harness.report.books import gained_kib
from harness.report.run import Scalar
from harness.report.values import NONE, OURS
from harness.scenarios.bed import Guest
from harness.scenarios.compared import Squeeze
from harness.scenarios.context import Context
from harness.scenarios.limited import Limited
from harness.scenarios.load import guest_run
from harness.scenarios.techniques import bare, record, technique
from harness.scenarios.workloads import Setup, running, workload

ALL = 100
# As the figures of measurement.md are called.
FIGURES = (60, 50, 40)
PAGES_PER_MIB = 256
# While pages come back and older ones are on their way out.
SLICE_TOLERANCE = 0.02
# Whoever uses all that it was given holds some frames more, of tables that Xen needs for it.
SETTLED_PAGES = 64
BALLOON_S = 60.0
# In a fifth of a second the driver looks again where pages come back; of the guest's seconds, of
# which a busy emulator that counts instructions does some in ten of ours.
LOOK_S = 1.5
CELL = "cell"
COMPARED = "compared"
# Of a message in an event: a command may be thousands of characters.
WHY = 300


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing to measure; repetition: which time, from 0; order: its place in that."""

    workload: str
    technique: str
    ram: int
    repetition: int
    order: int = 0

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What it is, wherever it comes."""
        return self.workload, self.technique, self.ram, self.repetition

    @property
    def labels(self) -> dict[str, Scalar]:
        """As they are written beside its numbers."""
        return {
            "workload": self.workload,
            "technique": self.technique,
            "ram": self.ram,
            "repetition": self.repetition,
            "order": self.order,
        }


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of the guest's counter that the work took."""

    steady: float
    waking: float

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Took | None:
        """As an earlier attempt has noted it; None for a cell without a result."""
        return None if event["steady"] is None else cls(event["steady"], event["waking"])


def cells(step: Squeeze) -> Iterator[list[Cell]]:
    """All cells of one workload and repetition at a time; every second time in the other order."""
    for name in step.workloads:
        for repetition in range(step.repetitions):
            what = [(NONE, ALL)] + [(t, ram) for ram in step.ram for t in step.techniques]
            what = list(dict.fromkeys(what))
            turned = what if repetition % 2 == 0 else what[::-1]
            yield [Cell(name, t, ram, repetition, n) for n, (t, ram) in enumerate(turned)]


def squeeze(ctx: Context, step: Squeeze) -> None:
    """Record ``slowdown`` of each cell, what each technique counted, who did not survive, and what
    did not finish in its time.

    A cell that an earlier attempt at this run has done is not done again. Raises ScenarioFailed
    when content is not what it must be, or a workload did not live with all of the memory and no
    technique; where there is less of it, that it was killed is a result.
    """
    (guest,) = ctx.guests
    earlier = list(ctx.folder.earlier(CELL))
    done: dict[tuple[str, str, int, int], Took | None] = {
        Cell(e["workload"], e["technique"], e["ram"], e["repetition"]).key: Took.of(e)
        for e in earlier
        if e["steady"] is not None or (e["technique"], e["ram"]) != (NONE, ALL)
    }
    # What is not done again has acted all the same.
    ctx.active = ctx.active or any(e.get("acted", False) for e in earlier)
    told = {(e["workload"], e["repetition"]) for e in ctx.folder.earlier(COMPARED)}
    slowdowns: dict[tuple[str, int], list[float]] = {}
    with bare(guest):
        for group in cells(step):
            for cell in group:
                if cell.key not in done:
                    done[cell.key] = _measure(ctx, step, guest, cell)
            base = done[group[0].workload, NONE, ALL, group[0].repetition]
            if base is None:
                raise ScenarioFailed(
                    f"{group[0].workload} did not live with all of the memory: nothing to compare",
                    where=guest.name,
                    hint="why is in its event in events.jsonl",
                )
            repetition = {"workload": group[0].workload, "repetition": group[0].repetition}
            for cell in group:
                took = done[cell.key]
                if took is None or (cell.technique, cell.ram) == (NONE, ALL):
                    continue
                slowdown = took.steady / base.steady - 1
                if cell.technique == OURS:
                    slowdowns.setdefault((cell.workload, cell.ram), []).append(slowdown)
                if tuple(repetition.values()) not in told:
                    ctx.folder.metric("slowdown", slowdown, "ratio", **cell.labels)
                    waking = took.waking / base.waking - 1
                    ctx.folder.metric("slowdown_waking", waking, "ratio", **cell.labels)
            ctx.folder.event(COMPARED, **repetition)
        guest.set_slice(guest.memory_mib)
    for (name, ram), found in slowdowns.items():
        if ram in FIGURES:
            labels: dict[str, Scalar] = {"workload": name, "ram": ram, "technique": OURS}
            ctx.folder.metric(f"slowdown_{ram}", fmean(found), "ratio", **labels)


def _measure(ctx: Context, step: Squeeze, guest: Guest, cell: Cell) -> Took | None:
    """What the work took; None when the workload was killed, could not begin or did not finish, or
    the guest held more than it might."""
    mib = guest.memory_mib * cell.ram // ALL
    _give(guest, mib)
    chosen = technique(cell.technique)
    setup = Setup(seed=ctx.seed, mib=step.mib, corpus=ctx.corpus, work=step.work)
    limited = Limited(guest, step.cell_s, relieve=lambda: _relieve(guest))
    result: Took | None = None
    lived, why = False, ""
    counted: Mapping[str, int] = {}
    with chosen.on(guest) as active:
        try:
            with running(workload(cell.workload), limited, setup, prefix=chosen.prefix) as work:
                for _ in range(step.warm_ups):
                    work.work()
                _settle(guest, mib, step.settle_s)
                woke = work.work()
                took = work.work()
                over = _record_memory(ctx, guest, cell, mib)
                counted = record(ctx.folder, guest, active, **_rest(cell))
                verified = work.verify()
            lived = True
            why = f"it held {over} frames too many" if over else ""
            result = None if over else Took(took.seconds, woke.seconds)
            ctx.verified[guest.name] = ctx.verified.get(guest.name, 0) + verified
            ctx.folder.metric("verified", verified, "pages", guest=guest.name, **cell.labels)
            if result is not None:
                ctx.folder.metric("work_s", result.steady, "s", **cell.labels)
            took.record_latency(ctx.folder, "read_access", guest=guest.name, **cell.labels)
        except (GuestError, DeadlineExceeded) as error:
            if isinstance(error, DeadlineExceeded) and not limited.expired:
                raise
            why = textwrap.shorten(error.message, WHY)
            if limited.expired:
                why = f"did not finish in {step.cell_s:g} s"
            _end_memload(guest)
            # It may have been killed only when it was verified.
            counted = counted or record(ctx.folder, guest, active, **_rest(cell))
    acted = bool(counted.get(chosen.counted, 0))
    ctx.active = ctx.active or acted
    if limited.expired:
        ctx.folder.metric("unfinished", step.cell_s, "s", **cell.labels)
    else:
        ctx.folder.metric("survived", int(lived), "runs", **cell.labels)
    times = asdict(result) if result else {"steady": None, "waking": None}
    ctx.folder.event(CELL, **cell.labels, **times, why=why, acted=acted)
    return result


def _rest(cell: Cell) -> dict[str, Scalar]:
    return {k: v for k, v in cell.labels.items() if k != "technique"}


def _relieve(guest: Guest) -> None:
    """Where only pages move about, nothing can be ended before there is memory again."""
    guest.set_slice(guest.memory_mib)
    _end_memload(guest)


def _end_memload(guest: Guest) -> None:
    guest_run(guest, "killall -q -9 memload; true")


def _settle(guest: Guest, mib: int, within_s: float) -> None:
    """Wait until what it was filled with has found its place and nothing more is compressed, but
    not for ever."""
    deadline = Deadline(within_s)
    most = mib * PAGES_PER_MIB + SETTLED_PAGES
    committed = -1
    stats = guest.controller.stats()
    while (stats.held > most or stats.committed != committed) and not deadline.expired:
        committed = stats.committed
        time.sleep(LOOK_S)
        stats = guest.controller.stats()


def _record_memory(ctx: Context, guest: Guest, cell: Cell, mib: int) -> int:
    """Frames that it holds beyond what it may, which a technique must not do to be quick."""
    stats = guest.controller.stats()
    sample = f"{cell.technique}, {cell.ram} %"
    ctx.record(guest.name, sample, stats, technique=cell.technique)
    ctx.folder.metric("held", stats.held, "pages", guest=guest.name, **cell.labels)
    if cell.technique.startswith(OURS):
        ctx.folder.metric("gained", gained_kib(stats), "KiB", guest=guest.name, **cell.labels)
    over = stats.held - mib * PAGES_PER_MIB
    if over <= mib * PAGES_PER_MIB * SLICE_TOLERANCE:
        return 0
    ctx.folder.metric("over_slice", over, "pages", guest=guest.name, **cell.labels)
    return over


def _give(guest: Guest, mib: int) -> None:
    """Let it have so much; when that is more than before, wait until it has taken it."""
    guest.set_slice(mib)
    deadline = Deadline(BALLOON_S)
    most = (guest.memory_mib - mib + 1) * PAGES_PER_MIB
    while (out := guest.controller.stats().ballooned) > most:
        deadline.check(f"{guest.name} to take its {mib} MiB", last_seen=f"{out} pages are out")
        time.sleep(0.5)
