# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes in a fixed slice whose working sets alternate: with and without the guest's driver.

Each process holds a heap. One after another verifies its whole heap, while the others do not
run: so their working sets alternate, and only what is verified counts as alive.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field

from harness.errors import GuestError, ScenarioFailed
from harness.monitor.pressure import Pressure
from harness.scenarios import measured
from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass, Corpus
from harness.scenarios.context import Context
from harness.scenarios.driver import activity, resident_bytes, with_driver, without_driver
from harness.scenarios.load import Load, guest_run
from harness.scenarios.pressure import read_pressure

# No guest here has room for more, with or without the driver.
MOST = 64
# The shortest time over which PSI itself averages: on a fast machine the rounds are over sooner.
STALL_WINDOW_S = 10.0
# So long it is watched that nothing is asked for without pressure.
QUIET_S = 10.0


@dataclass(slots=True)
class Heaps:
    """Processes with heaps of ``pages``, begun one after another."""

    guest: Guest
    corpus: Corpus
    content: ContentClass
    pages: int = 1024
    alive: list[Load] = field(default_factory=list)
    killed: int = 0
    """By the kernel, while the last ``until_killed`` went on."""
    most_held: int = 0
    longest_s: float = 0.0
    """The longest that any of them went unverified."""
    _verified: dict[str, float] = field(default_factory=dict)

    def begin(self) -> Load:
        """One more. Raises GuestError when it is killed at once, or cannot even begin."""
        number = len(self.alive)
        load = Load.start(
            self.guest,
            name=f"heap{number}",
            content=self.content,
            seed=number,
            pages=self.pages,
            corpus=self.corpus,
        )
        self.alive.append(load)
        load.fill(1)
        self._looked_at(load)
        return load

    def until_killed(self, most: int) -> int:
        """Begin so many, but none after a process was killed; how many lived before that.

        One that cannot begin ends it, too: ``killed`` tells whether that was a kill.
        """
        before = read_pressure(self.guest).kills
        for lived in range(most):
            begun = False
            with suppress(GuestError):
                self.begin()
                begun = True
            self.killed = read_pressure(self.guest).kills - before
            if not begun or self.killed:
                return lived
        return most

    def verify(self) -> None:
        """Each its whole heap. Raises GuestError naming one that is not there any more."""
        for number, load in enumerate(self.alive):
            load.verify(number)
            self._looked_at(load)

    def _looked_at(self, load: Load) -> None:
        now = time.monotonic()
        before = self._verified.get(load.name, now)
        self.longest_s = max(self.longest_s, now - before)
        self._verified[load.name] = now
        self.most_held = max(self.most_held, self.guest.controller.stats().held)

    def end(self) -> None:
        """End all that still live."""
        guest_run(self.guest, "killall -q memload; true")
        self.alive.clear()
        self._verified.clear()


def before_the_first_kill(heaps: Heaps) -> int:
    """Begin heaps until the kernel kills; how many lived before it did. None is left."""
    try:
        lived = heaps.until_killed(MOST)
    finally:
        heaps.end()
    if lived == MOST:
        raise ScenarioFailed(f"{MOST} heaps and nobody was killed", where=heaps.guest.name)
    return lived


@dataclass(frozen=True, slots=True)
class Alternation:
    """What came of heaps that were verified in turn, all of them ``rounds`` times or more."""

    without: int
    """Heaps that lived before the first kill without the driver; ``alive``: with it."""
    kills_without: int
    alive: int
    kills: int
    full_share: float
    """Part of the time in which all waited for memory, while heaps were verified."""
    took_s: float
    longest_s: float
    most_held: int
    pressure: Pressure

    def __str__(self) -> str:
        return (
            f"{self.without} heaps without the driver, where {self.kills_without} were killed;"
            f" {self.alive} with it, {self.kills} killed;"
            f" verified at least every {self.longest_s:.0f} s; full stall {self.full_share:.1%} of"
            f" {self.took_s:.0f} s; held at most {self.most_held} frames,"
            f" grown {self.pressure.grown} of {self.pressure.grown_total} pages in all, averted"
            f" {self.pressure.oom_averted} kills, left {self.pressure.oom_left}"
        )


def compare(heaps: Heaps, *, ratio: float, rounds: int) -> Alternation:
    """As many heaps as live without the driver, and ``ratio`` times as many with it.

    Leaves the heaps to be looked at: the caller ends them. Raises GuestError naming the heap
    when one is killed with the driver.
    """
    guest = heaps.guest
    without_driver(guest)
    without = before_the_first_kill(heaps)
    kills_without = heaps.killed
    with_driver(guest)
    heaps.most_held = 0
    before = read_pressure(guest)
    while len(heaps.alive) < ratio * without:
        heaps.begin()
    verifying, began = read_pressure(guest), time.monotonic()
    heaps.longest_s = 0.0
    done = 0
    while done < rounds or time.monotonic() - began < STALL_WINDOW_S:
        heaps.verify()
        done += 1
    took_s = time.monotonic() - began
    after = read_pressure(guest)
    return Alternation(
        without=without,
        kills_without=kills_without,
        alive=len(heaps.alive),
        kills=after.kills - before.kills,
        full_share=(after.full_us - verifying.full_us) / took_s / 1e6,
        took_s=took_s,
        longest_s=heaps.longest_s,
        most_held=heaps.most_held,
        pressure=after,
    )


def alternate(ctx: Context, step: measured.Alternate) -> None:
    """The comparison for every guest, as metrics. Raises ScenarioFailed when one was killed."""
    for guest in ctx.guests:
        heaps = Heaps(guest, ctx.corpus, step.content, step.pages)
        with_driver(guest)
        quiet, resident = activity(guest, QUIET_S), sum(resident_bytes(guest))
        try:
            found = compare(heaps, ratio=step.ratio, rounds=step.rounds)
        except GuestError as error:
            raise ScenarioFailed(f"with the driver, too: {error}", where=guest.name) from error
        finally:
            heaps.end()
            with_driver(guest)
        labels = {"guest": guest.name, "profile": ctx.profile, "content": str(step.content)}
        for name, value, unit in (
            ("heaps_alive_without", found.without, "processes"),
            ("heaps_killed_without", found.kills_without, "processes"),
            ("heaps_alive", found.alive, "processes"),
            ("heaps_killed", found.kills, "processes"),
            ("heaps_alive_ratio", found.alive / max(found.without, 1), "ratio"),
            ("heaps_full_stall", found.full_share, "ratio"),
            ("heaps_longest_unverified", found.longest_s, "s"),
            ("heaps_most_held", found.most_held, "pages"),
            ("driver_resident", resident, "bytes"),
            ("asked_without_pressure", quiet.requests + quiet.wakeups, "events"),
        ):
            ctx.folder.metric(name, value, unit, **labels)
        ctx.folder.event("alternated", guest=guest.name, result=str(found))
        ctx.active = True
        if found.kills:
            raise ScenarioFailed(f"killed with the driver: {found}", where=guest.name)
