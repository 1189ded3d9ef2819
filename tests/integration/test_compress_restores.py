# SPDX-License-Identifier: GPL-2.0-or-later
"""Restores that meet: many in one call, one by one by the guest, and by another domain."""

from __future__ import annotations

import numpy as np

from harness.build.artifacts import existing
from harness.hypervisor import DomainController
from harness.monitor.pressure import DRIVER
from harness.report.books import imbalance_pages
from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass
from harness.scenarios.load import is_compressed
from harness.testbed import Guest as TestbedGuest
from harness.transport.base import Transport
from tests.integration.compression import Loads, repeated
from tests.integration.races import Attacked, until


def test_a_bulk_restore_makes_way_and_meets_those_who_want_its_pages(attacked: Attacked) -> None:
    """One vCPU has Xen bring pages back in one call, the others read and write them meanwhile."""
    wanted = ["committed", "cancelled", "restored_hint", "restored_data", "collisions"]
    attacked.race(["bulk"], wanted)
    # Seen from outside: the call was in the middle, and went on there.
    assert attacked.report().continued > 0


def test_dom0_maps_pages_that_the_guest_is_bringing_back(
    linux: TestbedGuest, guest: Guest, loads: Loads, dom0: Transport, domid: int
) -> None:
    """Both in order, so that whoever comes second soon is where the first one is.

    The guest has a single thread at these pages: who it meets there is dom0.
    """
    load = loads.start(ContentClass.TEXT, 512, threads=1)
    dom0.push(existing().memload.path, "/tmp/memload")
    expected = load.expected_pages(np.arange(load.count)).tobytes()
    gfns = [f"{gfn:#x}" for gfn in load.pfns().tolist()]

    def once() -> None:
        done = dom0.run(["/tmp/memload", "foreign", str(domid), *gfns])
        assert done.status == 0, done.stderr
        assert done.stdout == expected

    take_and_read = f"echo {load.pid} > {DRIVER}/compress; memload ctl --socket {load.socket}"
    with repeated(linux.transport, f"{take_and_read} digest 0 seq"):
        wanted = ["restored_foreign", "restored_data", "collisions"]
        until(wanted, DomainController(dom0, domid), once)
    load.verify(1)
    load.compress()
    assert int(is_compressed(load.states()).sum()) > 0
    load.verify(2)
    assert imbalance_pages(guest.controller.stats()) == 0
