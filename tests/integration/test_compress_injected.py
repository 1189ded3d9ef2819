# SPDX-License-Identifier: GPL-2.0-or-later
"""With delays and failures at every step of the controller nothing is lost, and all goes on.

For a Xen with assertions, `harness build xen --debug`; part of `harness nightly`.
"""

from __future__ import annotations

import pytest

from harness.hypervisor.memcompress import TOOL
from harness.report.books import imbalance_pages
from harness.testbed import Testbed
from harness.testing import TestbedPool
from tests.integration.compression import repeated
from tests.integration.hostile import Hostile, Neighbour

pytestmark = pytest.mark.debug_xen

# One step in so many: a page has some ten on its way in and out again.
ONE_IN = 24
ATTACK_S = 40


@pytest.fixture
def injected(request: pytest.FixtureRequest, testbeds: TestbedPool) -> Testbed:
    """As ``pair``, on a Xen that injects."""
    bed = testbeds.get(
        request.config.getoption("--profile"),
        [
            "guests.android.enabled=false",
            "guests.linux.vcpus=3",
            "guests.neighbour.kind=linux",
            "guests.neighbour.memory_mib=64",
            f'xen.options=["mem_compress_inject={ONE_IN}"]',
        ],
    )
    told = bed.dom0.succeed("xl dmesg")
    assert "delays and failures are injected" in told, "wants: harness build xen --debug"
    return bed


def test_what_may_fail_does_and_nothing_is_lost(injected: Testbed) -> None:
    guest, dom0 = injected.guests["linux"], injected.dom0
    hostile = Hostile(guest)
    before = guest.controller.stats()
    commands = [f"{TOOL} {verb} {guest.domid}" for verb in ("compress", "restore", "sweep")]
    with Neighbour(injected) as neighbour:
        with repeated(dom0, "; ".join(commands)):
            hostile.attack(ATTACK_S, 1)
        # What is rare among everything else.
        for attacks in (["request-page", "check"], ["take-balloon", "balloon"], ["mangle"]):
            hostile.attack(ATTACK_S // 4, 2, attacks)
    neighbour.check()
    report = hostile.report()
    assert not any(report.found.values()), hostile.findings()
    hostile.leave()
    after = guest.controller.stats()
    assert imbalance_pages(after) == 0
    assert after.corrupted == 0
    happened = {
        name: getattr(after, name) - getattr(before, name)
        for name in (
            "committed",
            "cancelled",
            "freeze_failed",
            "no_memory",
            "collisions",
            "lost_races",
            "moved",
            "dropped",
        )
    }
    print(happened)
    assert min(happened.values()) > 0, happened
