# SPDX-License-Identifier: GPL-2.0-or-later
"""Races that are run until the controller's counters say that they were met."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.hypervisor import DomainController, Xl
from harness.hypervisor.memcompress import Stats
from harness.report.books import imbalance_pages
from harness.testbed import Guest as TestbedGuest
from harness.transport.base import Transport
from tests.integration.hostile import Hostile, Report

RACE_S = 3
# A race that is not met in this many goes is not there.
GOES = 5


def delta(before: Stats, after: Stats) -> dict[str, int]:
    """What happened meanwhile, by counter; restores under restored_CAUSE."""
    names = (
        "nominated",
        "committed",
        "cancelled",
        "freeze_failed",
        "collisions",
        "lost_races",
        "dropped",
        "moved",
    )
    found = {name: getattr(after, name) - getattr(before, name) for name in names}
    for cause, n in after.restores.items():
        found[f"restored_{cause}"] = n - before.restores[cause]
    return found


def check_objects(dom0: Transport, controller: DomainController) -> None:
    """The store has what descriptors lead to, and nothing that none does; looked at at rest."""
    xl = Xl(dom0)
    xl.pause(controller.domid)
    try:
        stored = sum(one["objects"] for one in controller.classes())
        assert stored == controller.stats().lzo
    finally:
        xl.unpause(controller.domid)


class Attacked:
    """The attacking guest, and how a race between some of its attacks is run."""

    def __init__(self, guest: TestbedGuest, hostile: Hostile, dom0: Transport) -> None:
        self.guest = guest
        self._dom0 = dom0
        self._hostile = hostile

    def report(self) -> Report:
        """What the attackers saw since the module was loaded."""
        return self._hostile.report()

    def race(self, attacks: Sequence[str], wanted: Sequence[str]) -> dict[str, int]:
        """Run these until all the wanted counters moved; nothing may be found meanwhile.

        More than one go is needed where an emulator runs the vCPUs of a busy host in turn.
        """
        before = self.guest.controller.stats()
        happened: dict[str, int] = {}
        for go in range(GOES):
            self._hostile.attack(RACE_S, go + 1, attacks)
            after = self.guest.controller.stats()
            happened = delta(before, after)
            assert not any(self.report().found.values()), self._hostile.findings()
            assert imbalance_pages(after) == 0
            assert after.corrupted == 0
            check_objects(self._dom0, self.guest.controller)
            if all(happened[name] > 0 for name in wanted):
                break
        print(attacks, happened)
        assert all(happened[name] > 0 for name in wanted), (wanted, happened)
        return happened


def until(
    wanted: Sequence[str], controller: DomainController, once: Callable[[], object]
) -> dict[str, int]:
    """Repeat until all of these counters moved."""
    before = controller.stats()
    happened: dict[str, int] = {}
    for _ in range(5 * GOES):
        once()
        happened = delta(before, controller.stats())
        if all(happened[name] > 0 for name in wanted):
            break
    print(happened)
    assert all(happened[name] > 0 for name in wanted), (wanted, happened)
    return happened
