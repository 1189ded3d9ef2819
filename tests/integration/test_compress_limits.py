# SPDX-License-Identifier: GPL-2.0-or-later
"""Limits hold whoever is in a hurry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.hypervisor.memcompress import TOOL
from harness.report.books import imbalance_pages
from harness.scenarios.content import ContentClass
from harness.scenarios.live import LiveGuest
from harness.testbed import Guest
from harness.transport.base import Transport
from tests.integration.compression import SETUP, Loads, repeated

QUOTA = 700


@pytest.fixture
def limited(linux: Guest) -> Iterator[LiveGuest]:
    """The testbed's Linux guest, of which at most so many pages may be compressed."""
    guest = LiveGuest(linux)
    guest.controller.restore()
    guest.controller.set(replace(SETUP, max_compressed=QUOTA))
    yield guest
    guest.controller.set(SETUP)


def test_a_quota_holds_to_the_page_whoever_compresses(
    limited: LiveGuest, loads: Loads, dom0: Transport, domid: int
) -> None:
    """Dom0 from two sides, while the guest accesses what they took."""
    load = loads.start(ContentClass.TEXT, 2048)
    load.ctl("spin", 2)
    before = limited.controller.stats()
    with (
        repeated(dom0, f"{TOOL} compress {domid}"),
        repeated(dom0, f"{TOOL} compress {domid} --min-age 0"),
        repeated(dom0, f"{TOOL} sweep {domid}"),
    ):
        seen = [limited.controller.stats().compressed for _ in range(40)]
        load.verify(1)
    load.ctl("spin", 0)
    after = limited.controller.stats()
    assert max(seen) <= QUOTA
    assert max(seen) > QUOTA // 2, seen
    # It was reached more than once.
    assert after.committed - before.committed > 2 * QUOTA
    assert imbalance_pages(after) == 0
    load.verify(2)
