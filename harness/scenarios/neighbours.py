# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest that is idle beside one that works: what it gives, and what that costs them both.

The idle one holds a workload's memory and does nothing. In turns, the order swapped each time, the
busy one works beside it while the controller leaves it alone, and while the controller ages and
compresses it. Then it wakes: all that it holds is read again; in a third kind of turn after a hint
of its own driver, which brings all processes back in bulk.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from statistics import fmean

from harness.errors import ScenarioFailed, UsageError
from harness.report.books import gained_kib
from harness.report.run import Scalar
from harness.report.values import NONE, OURS
from harness.scenarios.bed import Guest
from harness.scenarios.compared import IdleNeighbour
from harness.scenarios.context import Context
from harness.scenarios.load import driver_request
from harness.scenarios.techniques.base import rest
from harness.scenarios.workloads import Running, Setup, running, workload

# The technique is ours, and the idle guest asks for what it has before it reads it.
HINTED = "hinted"


def idle_neighbour(ctx: Context, step: IdleNeighbour) -> None:
    """Record ``neighbour_slowdown`` of the busy one, ``wake_slowdown`` and ``gained`` of the idle.

    ``wake_slowdown_hinted`` is of reading alone; ``hint_s`` is what the hint took before it. Raises
    UsageError unless there are two guests, ScenarioFailed when nothing was gained or brought back,
    or content differs.
    """
    if len(ctx.guests) != 2:
        raise UsageError(
            f"two guests are wanted, not {len(ctx.guests)}",
            where="step idle-neighbour",
            hint='guests = ["BUSY", "IDLE"] in the scenario',
        )
    busy, idle = ctx.guests
    worked: dict[str, list[float]] = {NONE: [], OURS: [], HINTED: []}
    woke: dict[str, list[float]] = {NONE: [], OURS: [], HINTED: []}
    setup = Setup(seed=ctx.seed, mib=step.mib, corpus=ctx.corpus, work=step.work)
    one = workload(step.workload)
    with _only(busy), running(one, busy, setup) as works, running(one, idle, setup) as waits:
        for repetition in range(step.repetitions):
            turns = (NONE, OURS, HINTED) if repetition % 2 == 0 else (HINTED, OURS, NONE)
            for order, turn in enumerate(turns):
                labels: dict[str, Scalar] = {
                    "technique": NONE if turn == NONE else OURS,
                    "hinted": turn == HINTED,
                    "repetition": repetition,
                    "order": order,
                }
                with _handled(idle, turn, step):
                    took = works.work().seconds
                    if turn == OURS:
                        _record_gain(ctx, idle, labels)
                    if turn == HINTED:
                        _hint(ctx, idle, labels)
                    wake_s = _wake(ctx, idle, waits)
                worked[turn].append(took)
                woke[turn].append(wake_s)
                ctx.folder.metric("work_s", took, "s", guest=busy.name, **labels)
                ctx.folder.metric("wake_s", wake_s, "s", guest=idle.name, **labels)
        _wake(ctx, busy, works)
    for name, found, turn, guest in (
        ("neighbour_slowdown", worked, OURS, busy),
        ("wake_slowdown", woke, OURS, idle),
        ("wake_slowdown_hinted", woke, HINTED, idle),
    ):
        value = fmean(found[turn]) / fmean(found[NONE]) - 1
        ctx.folder.metric(name, value, "ratio", guest=guest.name, technique=OURS)


@contextmanager
def _only(busy: Guest) -> Iterator[None]:
    """The controller leaves the busy guest alone meanwhile."""
    before = busy.compression
    rest(busy)
    yield
    busy.controller.set(before)


@contextmanager
def _handled(idle: Guest, turn: str, step: IdleNeighbour) -> Iterator[None]:
    """Leave it alone; or age it while the block runs, with what is old compressed already."""
    if turn == NONE:
        rest(idle)
        yield
        return
    idle.controller.set(replace(idle.compression, sweep_ms=step.sweep_ms))
    for _ in range(2):
        idle.controller.sweep()
    idle.controller.compress(min_age=1)
    yield


def _record_gain(ctx: Context, idle: Guest, labels: dict[str, Scalar]) -> None:
    stats = idle.controller.stats()
    gained = gained_kib(stats)
    if gained <= 0:
        raise ScenarioFailed("nothing was gained from an idle guest", where=idle.name)
    ctx.active = True
    ctx.folder.metric("gained", gained, "KiB", guest=idle.name, **labels)
    ctx.folder.metric("technique_count", stats.committed, "pages", guest=idle.name, **labels)


def _hint(ctx: Context, idle: Guest, labels: dict[str, Scalar]) -> None:
    before, began = idle.controller.stats().restores["hint"], time.monotonic()
    driver_request(idle, "restore", "all")
    took = time.monotonic() - began
    restored = idle.controller.stats().restores["hint"] - before
    if restored <= 0:
        raise ScenarioFailed("the hint brought nothing back", where=idle.name)
    ctx.folder.metric("hint_s", took, "s", guest=idle.name, **labels)
    ctx.folder.metric("hint_restored", restored, "pages", guest=idle.name, **labels)


def _wake(ctx: Context, guest: Guest, work: Running) -> float:
    """Read and compare all that it holds; seconds."""
    began = time.monotonic()
    checked = work.verify()
    ctx.verified[guest.name] = ctx.verified.get(guest.name, 0) + checked
    return time.monotonic() - began
