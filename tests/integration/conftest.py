# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of the tests of compression, on top of those of harness.testing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.build.artifacts import existing
from harness.scenarios.bed import Guest
from harness.scenarios.driver import daemon_log, driver_state, with_driver
from harness.scenarios.live import LiveGuest
from harness.scenarios.load import guest_run
from harness.testbed import Guest as TestbedGuest
from harness.testbed import Testbed
from harness.testing import TestbedPool
from harness.transport.base import Transport
from tests.integration.compression import Loads
from tests.integration.hostile import Hostile
from tests.integration.races import Attacked

SLICE_MIB = 64


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on another testbed than the session's come last: a change is a boot."""

    def other(item: pytest.Item) -> int:
        names = getattr(item, "fixturenames", ())
        if "testbed_of_image" in names:
            return 4
        return 3 if "hw_af_guest" in names else 2 if "sliced" in names else int("pair" in names)

    items.sort(key=other)


def _loads(guest: Guest) -> Iterator[Loads]:
    loads = Loads(guest, existing().corpus.path)
    yield loads
    loads.stop_all()


@pytest.fixture
def guest(linux: TestbedGuest) -> Guest:
    """The Linux guest of the session's profile, as scenarios see it."""
    return LiveGuest(linux)


@pytest.fixture
def loads(guest: Guest) -> Iterator[Loads]:
    """Starts memloads in ``guest``; all end with the test, and nothing stays compressed."""
    yield from _loads(guest)


@pytest.fixture
def android_guest(android: TestbedGuest) -> Guest:
    """The Android guest of the session's profile."""
    return LiveGuest(android)


@pytest.fixture
def android_loads(android_guest: Guest) -> Iterator[Loads]:
    """The same as ``loads`` in the Android guest."""
    yield from _loads(android_guest)


@pytest.fixture
def domid(linux: TestbedGuest) -> int:
    """Domain id of ``guest``."""
    return linux.domid


@pytest.fixture
def dom0(testbed: Testbed) -> Transport:
    """The control domain."""
    return testbed.dom0


@pytest.fixture
def hw_af_guest(testbeds: TestbedPool) -> Guest:
    """A Linux guest on a CPU that sets the stage-2 access flag itself."""
    testbed = testbeds.get("hw-af", ["guests.android.enabled=false"])
    return LiveGuest(testbed.guests["linux"])


@pytest.fixture
def hw_af_loads(hw_af_guest: Guest) -> Iterator[Loads]:
    """The same as ``loads`` there."""
    yield from _loads(hw_af_guest)


@pytest.fixture
def pair(request: pytest.FixtureRequest, testbeds: TestbedPool) -> Testbed:
    """Two Linux guests: "linux" with three vCPUs on two CPUs, and "neighbour".

    Both go through times in which the host has no frame for them, and may say that time went by.
    """
    standstill = 'allow=["rcu-stall", "hung-task"]'
    return testbeds.get(
        request.config.getoption("--profile"),
        [
            "guests.android.enabled=false",
            "guests.linux.vcpus=3",
            # What is free stays with the guests, or they do not want for frames.
            'guests.linux.options=["xen_privcmd.unrestricted=1", "xmc.driver=report=0",'
            ' "xmc.daemon=off"]',
            'guests.neighbour.options=["xmc.driver=report=0", "xmc.daemon=off"]',
            f"guests.linux.{standstill}",
            "guests.neighbour.kind=linux",
            "guests.neighbour.memory_mib=64",
            f"guests.neighbour.{standstill}",
        ],
    )


@pytest.fixture
def sliced_bed(request: pytest.FixtureRequest, testbeds: TestbedPool) -> Testbed:
    """The testbed of ``sliced``."""
    return testbeds.get(
        request.config.getoption("--profile"),
        [
            "guests.android.enabled=false",
            "guests.linux.memory_mib=128",
            f"guests.linux.slice_mib={SLICE_MIB}",
            "guests.linux.compress.sweep_ms=500",
            # Xen keeps it to its slice.
            f"guests.linux.compress.max_held={SLICE_MIB * 256}",
            # Killing for memory is what these tests are about: they count it.
            'guests.linux.allow=["oom"]',
        ],
    )


@pytest.fixture
def sliced(sliced_bed: Testbed) -> Iterator[Guest]:
    """A Linux guest created with 128 MiB and ballooned down to 64, where processes are killed.

    It is left with its driver and its daemon, and without loads.
    """
    guest = LiveGuest(sliced_bed.guests["linux"])
    with_driver(guest)
    yield guest
    print(daemon_log(guest)[-3000:])
    print(driver_state(guest))
    guest_run(guest, "killall -q memload; true")
    with_driver(guest)


@pytest.fixture
def counting(testbeds: TestbedPool) -> Testbed:
    """A Linux guest where time is instructions counted, whatever else the host has to do."""
    return testbeds.get("deterministic", ["guests.android.enabled=false"])


@pytest.fixture
def hostile(pair: Testbed) -> Iterator[Hostile]:
    """The attacking guest."""
    attacker = Hostile(pair.guests["linux"])
    yield attacker
    attacker.leave()
    pair.guests["linux"].controller.restore()


@pytest.fixture
def attacked(pair: Testbed, hostile: Hostile) -> Attacked:
    """The attacking guest, for races between its attacks."""
    return Attacked(pair.guests["linux"], hostile, pair.dom0)
