# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver where there is nothing to ask: one line, ENODEV, and no harm."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from harness.build.artifacts import existing
from harness.config import load_profile
from harness.scenarios.bed import Guest
from harness.scenarios.driver import MODULE, with_driver, without_driver
from harness.scenarios.live import LiveGuest
from harness.scenarios.load import guest_run
from harness.testbed import Testbed
from harness.testing import TestbedPool
from harness.transport.base import Transport
from tests.integration.compression import SETUP

REFUSED = r"xen_memcompress: no memory compression for this guest \(error -\d+\)"


def refuses_to_load(where: Transport, module: str = MODULE) -> None:
    """ENODEV, one line in the kernel's log that says so, and nothing left behind."""
    done = where.run(f"insmod {module}")
    assert done.status != 0
    assert b"No such device" in done.stderr
    assert re.search(REFUSED, where.run("dmesg | tail -n 3").text)
    assert where.run(["test", "-e", "/sys/kernel/xen_memcompress"]).status == 1
    assert "xen_memcompress" not in where.succeed("cat /proc/modules")


def test_the_driver_does_not_load_where_the_guest_may_not_ask(
    guest: Guest, testbed: Testbed
) -> None:
    controller = testbed.guests[guest.name].controller
    without_driver(guest)
    controller.set(replace(SETUP, guest_ops=False))
    try:
        refuses_to_load(testbed.guests[guest.name].transport)
        assert guest_run(guest, "uname").strip() == b"Linux"
    finally:
        controller.set(SETUP)
    with_driver(guest)


def test_the_driver_does_not_load_in_dom0(dom0: Transport) -> None:
    """A domain that the controller is not on for."""
    dom0.push(existing().driver.path, "/tmp/driver.ko")
    refuses_to_load(dom0, "/tmp/driver.ko")


@pytest.fixture
def switched_off(testbeds: TestbedPool) -> Testbed:
    """Xen was told to do without the controller."""
    options = [*load_profile("default").profile.xen.options, "mem_compress=no"]
    words = ", ".join(f'"{option}"' for option in options)
    return testbeds.get(
        "default",
        [
            "guests.android.enabled=false",
            "guests.linux.compress.enabled=false",
            f"xen.options=[{words}]",
        ],
    )


@pytest.mark.slow
def test_the_driver_does_not_load_where_the_controller_was_switched_off(
    switched_off: Testbed,
) -> None:
    """And the guest is as any other: the image has tried to load it already."""
    linux = switched_off.guests["linux"]
    refuses_to_load(linux.transport)
    assert linux.transport.run("pidof memcompressd").status == 1
    assert "memcompressd" not in linux.transport.succeed("cat /run/memcompressd.log")
    guest_run(LiveGuest(linux), "dd if=/dev/zero of=/tmp/some bs=1M count=8 2>&1; rm /tmp/some")
