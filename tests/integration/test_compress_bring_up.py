# SPDX-License-Identifier: GPL-2.0-or-later
"""A processor whose buffers cannot be allocated: Xen boots with what it has.

For a Xen with assertions, `harness build xen --debug`; part of `harness nightly`.
"""

from __future__ import annotations

import re

import pytest

from harness.errors import HypervisorError
from harness.hypervisor import DomainController
from harness.report.books import imbalance_pages
from harness.testbed import Testbed
from harness.testing import TestbedPool
from tests.integration.compression import SETUP
from tests.integration.domains import paused_domain

pytestmark = pytest.mark.debug_xen


def lacking(testbeds: TestbedPool, processor: int, *words: str) -> Testbed:
    """Xen, whose so manieth processor gets no memory for its buffers."""
    return testbeds.get(
        "default",
        [
            "guests.android.enabled=false",
            f'xen.options=["mem_compress_fail={processor + 1}"]',
            *words,
        ],
    )


def test_without_the_first_processors_there_is_no_controller(testbeds: TestbedPool) -> None:
    bed = lacking(testbeds, 0, "guests.linux.compress.enabled=false")
    assert "mem_compress: no memory for its buffers" in bed.dom0.succeed("xl dmesg")
    assert bed.xl.info()["nr_cpus"] == "2"
    with paused_domain(bed.dom0, "newcomer") as domid, pytest.raises(HypervisorError):
        DomainController(bed.dom0, domid).enable(SETUP)
    assert bed.guests["linux"].transport.succeed("uname").strip() == "Linux"


def test_without_those_of_another_it_stays_down_and_the_first_does_all(
    testbeds: TestbedPool,
) -> None:
    bed = lacking(testbeds, 1)
    said = bed.dom0.succeed("xl dmesg")
    assert "mem_compress: available" in said
    assert re.search(r"Failed to bring up CPU 1 \(error -12\)", said)
    assert bed.xl.info()["nr_cpus"] == "1"
    controller = bed.guests["linux"].controller
    assert controller.compress() > 0
    assert controller.restore() > 0
    stats = controller.stats()
    assert (stats.corrupted, imbalance_pages(stats)) == (0, 0)
