# SPDX-License-Identifier: GPL-2.0-or-later
"""Round trips: pages compressed, restored by an access, and compared with known bytes.

A page counts only if the controller's own states show it compressed before it was read and
resident afterwards, and if it is on the same gfn before and after. Pages that stay resident (random
content does not compress) are verified all the same, and counted apart.

New content is written once for several rounds: what that, the sweeps after it and finding the gfns
cost is spread over them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.errors import ScenarioFailed
from harness.report.run import Scalar
from harness.scenarios import measured
from harness.scenarios.bed import Guest
from harness.scenarios.content import CLASSES, U8, U64, ContentClass
from harness.scenarios.context import Context
from harness.scenarios.load import (
    G_LZO,
    G_RESIDENT,
    Load,
    is_compressed,
    outlast_back_off,
    states_of,
)

# A full round in which almost nothing is compressed would go on for ever.
MIN_YIELD = 0.25


@dataclass(frozen=True, slots=True)
class Round:
    """States of each page before it was read and afterwards."""

    before: U8
    after: U8

    @property
    def made(self) -> NDArray[np.bool_]:
        """Which pages were compressed and are resident again."""
        made: NDArray[np.bool_] = is_compressed(self.before) & (self.after == G_RESIDENT)
        return made


@dataclass(slots=True)
class Tally:
    """What was counted so far, on one guest."""

    trips: int = 0
    lzo: int = 0
    resident: int = 0
    moved: int = 0
    by_class: dict[ContentClass, int] = field(default_factory=lambda: dict.fromkeys(CLASSES, 0))
    gfns: set[int] = field(default_factory=set)

    def add(self, classes: U8, seen: Round, gfns: U64, stayed: NDArray[np.bool_]) -> None:
        """Count one round, without the pages that did not stay on their gfn: the states are of
        gfns, and whose they were in that round nobody knows."""
        made = seen.made & stayed
        self.trips += int(np.count_nonzero(made))
        self.lzo += int(np.count_nonzero(made & (seen.before == G_LZO)))
        self.resident += int(np.count_nonzero(~is_compressed(seen.before) & stayed))
        self.moved += int(np.count_nonzero(~stayed))
        for number, name in enumerate(CLASSES):
            self.by_class[name] += int(np.count_nonzero(made & (classes == number)))
        self.gfns.update(gfns[made].tolist())

    def shares(self) -> dict[ContentClass, float]:
        """Share of each class in the round trips; random content makes none by design."""
        total = max(self.trips, 1)
        return {c: n / total for c, n in self.by_class.items() if c is not ContentClass.RANDOM}


def one_round(load: Load, number: int, order_seed: int, gfns: U64) -> Round:
    """Compress, read shuffled and compare once.

    Odd rounds are asked for by the guest's driver, even ones forced by the toolstack. Every
    third round calls the code-exec pages before they are read, so that they come back on an
    instruction fetch; every fourth has another thread reading while pages are taken.
    """
    busy = number % 4 == 0
    if busy:
        load.ctl("spin", 1)
    if number % 2:
        load.compress()
    else:
        load.guest.controller.compress()
    if busy:
        load.ctl("spin", 0)
    before = states_of(load.guest, gfns)
    if number % 3 == 0:
        load.verify_exec(order_seed)
    load.verify(order_seed)
    return Round(before, states_of(load.guest, gfns))


def fill(ctx: Context, step: measured.RoundTrips, load: Load, tally: Tally, wanted: int) -> None:
    """Write new content, and count up to ``step.rounds`` rounds with it, until ``wanted`` trips.

    Raises ScenarioFailed when too little is compressed.
    """
    number = ctx.next_cycle()
    load.fill(number)
    # Once: what a round rejects holds the same in the next.
    outlast_back_off(load.guest)
    gfns = load.pfns()
    rounds: list[Round] = []
    total = tally.trips
    while not rounds or (len(rounds) < step.rounds and total < wanted):
        number = ctx.next_cycle() if rounds else number
        rounds.append(one_round(load, number, ctx.seed + number, gfns))
        made = int(np.count_nonzero(rounds[-1].made))
        total += made
        ctx.folder.event("cycle", guest=load.guest.name, cycle=number, made=made, total=total)
        if made < MIN_YIELD * step.pages:
            raise ScenarioFailed(
                f"only {made} of {step.pages} pages were compressed and restored",
                where=f"{load.guest.name}, profile {ctx.profile}, cycle {number}",
            )
        ctx.active = True
        if number % 10 == 1:
            ctx.sample(f"cycle-{number}")
    stayed = load.pfns() == gfns
    classes = load.classes()
    for seen in rounds:
        tally.add(classes, seen, gfns, stayed)


def round_trips(ctx: Context, step: measured.RoundTrips) -> None:
    """Run rounds until this profile's share of ``step.total`` is reached, on each guest.

    Raises ScenarioFailed on a mismatch, when too little is compressed, or when a class or the
    number of distinct gfns stays below what the step demands.
    """
    wanted = max(1, round(step.total * ctx.share / len(ctx.guests)))
    for guest in ctx.guests:
        tally = _run_guest(ctx, step, guest, wanted)
        labels: dict[str, Scalar] = {
            "guest": guest.name,
            "profile": ctx.profile,
            "vcpus": guest.vcpus,
        }
        ctx.folder.metric("round_trips", tally.trips, "pages", **labels)
        ctx.folder.metric("round_trips_lzo", tally.lzo, "pages", **labels)
        ctx.folder.metric("verified_while_resident", tally.resident, "pages", **labels)
        ctx.folder.metric("moved_meanwhile", tally.moved, "pages", **labels)
        ctx.folder.metric("distinct_gfns", len(tally.gfns), "pages", **labels)
        for name, count in tally.by_class.items():
            ctx.folder.metric("round_trips_by_class", count, "pages", content=name.value, **labels)
        _judge(step, tally, where=f"{guest.name}, profile {ctx.profile}")
        ctx.trips += tally.trips
        ctx.verified[guest.name] = ctx.verified.get(guest.name, 0) + tally.trips


def _run_guest(ctx: Context, step: measured.RoundTrips, guest: Guest, wanted: int) -> Tally:
    load = Load.start(
        guest,
        name="roundtrip",
        content=ContentClass.MIX,
        seed=ctx.seed,
        pages=step.pages,
        corpus=ctx.corpus,
    )
    tally = Tally()
    try:
        while tally.trips < wanted:
            fill(ctx, step, load, tally, wanted)
    finally:
        load.stop()
    return tally


def _judge(step: measured.RoundTrips, tally: Tally, *, where: str) -> None:
    low = {c: s for c, s in tally.shares().items() if s < step.min_share}
    if low:
        told = ", ".join(f"{c} {s:.1%}" for c, s in low.items())
        raise ScenarioFailed(f"classes below {step.min_share:.0%}: {told}", where=where)
    # A short run (--set) cannot reach more gfns than it has pages, and in its few cycles the tenth
    # that holds random content, and what the mix has of it, stays resident.
    demanded = min(step.min_gfns, step.pages * 8 // 10)
    if len(tally.gfns) < demanded:
        raise ScenarioFailed(f"{len(tally.gfns)} distinct gfns, not {demanded}", where=where)
