# SPDX-License-Identifier: GPL-2.0-or-later
"""While the host is short of memory idle processors compress, by weight, until enough is free."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from harness.build.artifacts import existing
from harness.hypervisor import DomainController
from harness.report.books import imbalance_pages
from harness.scenarios.content import ContentClass
from harness.scenarios.live import LiveGuest
from harness.testbed import Testbed
from harness.testing import TestbedPool
from tests.integration.compression import SETUP, Loads, wait_for

# Guests that do nothing of themselves: who takes a page is told by it.
QUIET = '["xen_privcmd.unrestricted=1", "xmc.driver=report=0", "xmc.daemon=off"]'
BED = [
    "guests.android.enabled=false",
    f"guests.linux.options={QUIET}",
    'guests.second.kind="linux"',
    "guests.second.memory_mib=64",
    f"guests.second.options={QUIET}",
]


def weigh(guest: LiveGuest, *, weight: int, min_age: int) -> None:
    guest.controller.set(replace(SETUP, weight=weight, min_age=min_age))


@pytest.fixture
def bed(testbeds: TestbedPool) -> Testbed:
    """Two Linux guests, nothing compressed, no background work."""
    return testbeds.get("default", BED)


@pytest.fixture
def pair(bed: Testbed) -> Iterator[tuple[LiveGuest, LiveGuest]]:
    first, second = LiveGuest(bed.guests["linux"]), LiveGuest(bed.guests["second"])
    yield first, second
    first.controller.set_watermarks(low=0, high=0)
    for guest in (first, second):
        weigh(guest, weight=0, min_age=0)
        guest.controller.restore()


@contextmanager
def loads_in(guest: LiveGuest) -> Iterator[Loads]:
    loads = Loads(guest, existing().corpus.path)
    yield loads
    loads.stop_all()


@contextmanager
def pressure(controller: DomainController, *, missing: int) -> Iterator[int]:
    """The host is to have ``missing`` pages more than are free; the number to be free."""
    free = controller.stats().host_free
    controller.set_watermarks(low=free + missing, high=free + missing)
    yield free + missing
    controller.set_watermarks(low=0, high=0)


def test_idle_processors_compress_until_enough_is_free(
    pair: tuple[LiveGuest, LiveGuest],
) -> None:
    guest, _ = pair
    with loads_in(guest) as loads:
        load = loads.start(ContentClass.TEXT, 4096)
        before = guest.controller.stats()
        weigh(guest, weight=100, min_age=2)
        with pressure(guest.controller, missing=1500) as enough:
            wait_for("enough to be free", lambda: guest.controller.stats().host_free >= enough)
            time.sleep(1.0)
            settled = guest.controller.stats()
            taken = settled.background - before.background
            assert taken >= 1500
            # It ended, and did not take all there was.
            time.sleep(2.0)
            later = guest.controller.stats()
            assert later.background - settled.background <= taken // 4
            assert later.compressed < 8000
        assert imbalance_pages(later) == 0
        load.verify(3)


def test_a_domain_without_weight_is_left_alone(pair: tuple[LiveGuest, LiveGuest]) -> None:
    guest, other = pair
    with loads_in(guest) as loads:
        load = loads.start(ContentClass.TEXT, 1024)
        before = guest.controller.stats()
        weigh(other, weight=100, min_age=1)
        with pressure(guest.controller, missing=100_000):
            wait_for(
                "the other one to be taken from", lambda: other.controller.stats().background > 0
            )
            time.sleep(1.0)
        after = guest.controller.stats()
        assert after.background == before.background
        assert after.nominated == before.nominated
        load.verify(1)
    other.controller.restore()


def test_pages_are_taken_by_weight(pair: tuple[LiveGuest, LiveGuest]) -> None:
    light, heavy = pair
    with loads_in(light) as some, loads_in(heavy) as more:
        loads = [loads.start(ContentClass.TEXT, 6144) for loads in (some, more)]
        before = [guest.controller.stats().background for guest in pair]
        with pressure(light.controller, missing=100_000):
            weigh(heavy, weight=400, min_age=2)
            weigh(light, weight=100, min_age=2)

            def taken() -> list[int]:
                now = [guest.controller.stats().background for guest in pair]
                return [after - then for after, then in zip(now, before, strict=True)]

            # Later the heavy one has nothing old left, and it is the other one's turn.
            wait_for("pages to be taken", lambda: sum(taken()) >= 2000)
            of_light, of_heavy = taken()
        assert of_heavy >= 2 * of_light, (of_light, of_heavy)
        for load in loads:
            load.verify(5)
