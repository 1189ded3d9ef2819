# SPDX-License-Identifier: GPL-2.0-or-later
"""Everybody at once: many guests boot together, or all want their memory together."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import fmean

from harness.errors import GuestError, ScenarioFailed, UsageError
from harness.report.books import gained_kib, imbalance_pages
from harness.report.run import Scalar
from harness.report.values import NONE, OURS
from harness.scenarios.bed import Guest
from harness.scenarios.compared import BootStorm, PressureStorm
from harness.scenarios.context import Context
from harness.scenarios.hosted import Crowd, Member
from harness.scenarios.techniques import technique


def boot_storm(ctx: Context, step: BootStorm) -> None:
    """Record ``boot_all_s`` with and without the controller, and ``boot_slowdown``.

    With it, what is idle once all have booted is compressed, and must be a gain. Raises
    ScenarioFailed when it is none, UsageError when the profile has too few guests.
    """
    names = _names(ctx, step.count, "boot-storm")
    took: dict[str, list[float]] = {NONE: [], OURS: []}
    for repetition in range(step.repetitions):
        turns = (NONE, OURS) if repetition % 2 == 0 else (OURS, NONE)
        for order, which in enumerate(turns):
            began = time.monotonic()
            try:
                guests = ctx.bed.start(*names, controlled=which == OURS)
                took[which].append(time.monotonic() - began)
                labels: dict[str, Scalar] = {"technique": which, "guests": step.count}
                labels |= {"repetition": repetition, "order": order}
                ctx.folder.metric("boot_all_s", took[which][-1], "s", **labels)
                if which == OURS:
                    _compress_all(ctx, guests, labels)
            finally:
                ctx.bed.stop(*names)
    slowdown = fmean(took[OURS]) / fmean(took[NONE]) - 1
    ctx.folder.metric("boot_slowdown", slowdown, "ratio", technique=OURS, guests=step.count)


def _compress_all(ctx: Context, guests: Sequence[Guest], labels: dict[str, Scalar]) -> None:
    gained = committed = 0
    for guest in guests:
        guest.controller.compress()
        stats = guest.controller.stats()
        gained += gained_kib(stats)
        committed += stats.committed
        _balanced(guest)
    if gained <= 0:
        raise ScenarioFailed("nothing was gained from guests that had just booted")
    ctx.active = True
    ctx.folder.metric("gained", gained, "KiB", **labels)
    ctx.folder.metric("technique_count", committed, "pages", **labels)


def pressure_storm(ctx: Context, step: PressureStorm) -> None:
    """Guests that hold more together than there is, all at work at once, in rounds.

    Records ``storm_round_s`` and what the controller did meanwhile. Raises ScenarioFailed when
    one was killed, when content differs, or when there was room for all of them anyway.
    """
    names = _names(ctx, step.count, "pressure-storm")
    crowd = Crowd(ctx, step, technique(OURS))
    try:
        crowd.gather(names)
        if len(crowd.members) < step.count:
            raise ScenarioFailed(f"{len(crowd.members)} guests of {step.count}: {crowd.why}")
        nominal = sum(m.guest.controller.stats().nominal for m in crowd.members)
        room = crowd.free() + sum(m.guest.controller.stats().held for m in crowd.members)
        if nominal <= room:
            raise ScenarioFailed(
                f"{nominal} pages of guests in {room} frames: nobody has to give any",
                hint="more guests, or a smaller board",
            )
        for number in range(step.rounds):
            _round(ctx, crowd.members, number)
        _record(ctx, crowd.members, nominal / room)
    finally:
        ctx.bed.stop(*names)


def _round(ctx: Context, members: Sequence[Member], number: int) -> None:
    """All at once: work, then verify."""

    def go(member: Member) -> int:
        member.work.work()
        return member.verify()

    began = time.monotonic()
    with ThreadPoolExecutor(len(members)) as threads:
        try:
            checked = list(threads.map(go, members))
        except GuestError as error:
            raise ScenarioFailed(f"in round {number}: {error}", where="pressure-storm") from error
    ctx.folder.metric("storm_round_s", time.monotonic() - began, "s", round=number, technique=OURS)
    for member, pages in zip(members, checked, strict=True):
        name = member.guest.name
        ctx.verified[name] = ctx.verified.get(name, 0) + pages
        ctx.folder.metric("verified", pages, "pages", guest=name, technique=OURS)


def _record(ctx: Context, members: Sequence[Member], overcommit: float) -> None:
    labels: dict[str, Scalar] = {"technique": OURS, "guests": len(members)}
    ctx.folder.metric("overcommit", overcommit, "ratio", **labels)
    for member in members:
        stats = member.guest.controller.stats()
        _balanced(member.guest)
        own = {**labels, "guest": member.guest.name}
        ctx.folder.metric("technique_count", member.active.count, "pages", **own)
        ctx.folder.metric("restores", sum(stats.restores.values()), "pages", **own)
        ctx.folder.metric("waits", stats.waits, "events", **own)
    ctx.active = True


def _balanced(guest: Guest) -> None:
    off = imbalance_pages(guest.controller.stats())
    if off:
        raise ScenarioFailed(f"the books do not balance by {off} pages", where=guest.name)


def _names(ctx: Context, count: int, step: str) -> list[str]:
    names = list(ctx.bed.startable[:count])
    if len(names) < count:
        raise UsageError(
            f"profile {ctx.profile} has {len(names)} guests to start, not {count}",
            where=f"step {step}, key count",
            hint="guests.NAME.start = false, or the profile crowd",
        )
    return names
