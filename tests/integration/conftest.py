# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of the tests of compression, on top of those of harness.testing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.build.artifacts import existing
from harness.scenarios.bed import Guest
from harness.scenarios.live import LiveGuest
from harness.testbed import Guest as TestbedGuest
from harness.testbed import Testbed
from harness.testing import TestbedPool
from harness.transport.base import Transport
from tests.integration.compression import Loads


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on another profile come last: a change of profile is a boot."""
    items.sort(key=lambda item: "hw_af_guest" in getattr(item, "fixturenames", ()))


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
