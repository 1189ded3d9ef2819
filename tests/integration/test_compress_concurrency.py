# SPDX-License-Identifier: GPL-2.0-or-later
"""Two at one page: what may meet a page that is being compressed or restored, one by one.

Each of these passes only if what it is about did happen, by the controller's own counters: a race
that was not run is not won. Content is checked where it lives: by xmc_hostile.ko in the guest, and
by memload, whose pages the host knows.
"""

from __future__ import annotations

import numpy as np
import pytest

from harness.build.artifacts import existing
from harness.hypervisor import DomainController
from harness.hypervisor.memcompress import TOOL
from harness.monitor.pressure import DRIVER
from harness.report.books import imbalance_pages
from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass
from harness.scenarios.load import guest_run
from harness.testbed import Guest as TestbedGuest
from harness.transport.base import Transport
from tests.integration.compression import Loads, repeated
from tests.integration.races import Attacked, until


@pytest.mark.parametrize(
    ("attacks", "wanted"),
    [
        pytest.param(["same-page"], ["collisions"], id="several vCPUs at one page"),
        pytest.param(
            ["request-page", "check"], ["cancelled", "restored_data"], id="read and overwrite"
        ),
        pytest.param(
            ["take-balloon", "balloon"], ["dropped", "lost_races"], id="balloon out and in"
        ),
        pytest.param(
            ["request-page", "grant-copy"],
            ["committed", "restored_xen"],
            id="grant copy by Xen",
        ),
        pytest.param(
            # Rarely: one takes as long as a hundred of the others.
            [*["same-page"] * 7, "set-way"],
            ["collisions", "restored_data"],
            id="set/way",
        ),
        pytest.param(["physmap"], ["dropped"], id="add to and remove from physmap"),
        pytest.param(["walked-table"], ["freeze_failed"], id="a table that Xen is looking at"),
        pytest.param(["excluded"], ["committed", "cancelled"], id="exclude and discard"),
        pytest.param(["long-list", "check"], ["committed", "restored_data"], id="discard and read"),
        pytest.param(["mangle", "argument"], ["cancelled", "moved"], id="tables that go away"),
    ],
)
def test_what_the_guest_itself_does_meanwhile(
    attacked: Attacked, attacks: list[str], wanted: list[str]
) -> None:
    attacked.race(attacks, wanted)


def test_dom0_maps_pages_while_they_are_compressed(
    linux: TestbedGuest, guest: Guest, loads: Loads, dom0: Transport, domid: int
) -> None:
    """The guest compresses, on one CPU, what dom0 maps and reads on the other."""
    load = loads.start(ContentClass.TEXT, 256)
    dom0.push(existing().memload.path, "/tmp/memload")
    chosen = np.arange(load.count)
    gfns = [f"{gfn:#x}" for gfn in load.pfns().tolist()]
    expected = load.expected_pages(chosen).tobytes()

    def once() -> None:
        done = dom0.run(["/tmp/memload", "foreign", str(domid), *gfns])
        assert done.status == 0, done.stderr
        assert done.stdout == expected

    # Nobody in the guest is at these pages: who is in the way of their compression is dom0.
    with repeated(linux.transport, f"echo {load.pid} > {DRIVER}/compress"):
        until(["restored_foreign", "cancelled"], DomainController(dom0, domid), once)
    load.verify(1)
    assert imbalance_pages(guest.controller.stats()) == 0


def test_grants_are_used_while_pages_are_compressed(
    guest: Guest, loads: Loads, dom0: Transport, domid: int
) -> None:
    """What the guest sends to the network dom0 maps or copies, by grant, from wherever it lies."""
    load = loads.start(ContentClass.TEXT, 256)

    def once() -> None:
        assert len(guest_run(guest, "head -c 400000 /bin/busybox")) == 400_000

    with repeated(dom0, f"{TOOL} compress {domid}"):
        until(["restored_grant", "cancelled", "collisions"], DomainController(dom0, domid), once)
    load.verify(1)
    assert imbalance_pages(guest.controller.stats()) == 0


def test_a_domain_is_paused_while_its_pages_come_and_go(
    guest: Guest, loads: Loads, dom0: Transport, domid: int
) -> None:
    load = loads.start(ContentClass.MIX, 1024)
    load.ctl("spin", 2)

    def once() -> None:
        dom0.succeed(f"xl pause {domid}; {TOOL} compress {domid}; xl unpause {domid}")
        guest.controller.compress()
        load.verify(1)

    until(["committed", "cancelled", "restored_data"], DomainController(dom0, domid), once)
    load.ctl("spin", 0)
    assert imbalance_pages(guest.controller.stats()) == 0


def test_the_toolstack_restores_what_it_compresses(
    guest: Guest, loads: Loads, dom0: Transport, domid: int
) -> None:
    load = loads.start(ContentClass.MIX, 1024)
    with repeated(dom0, f"{TOOL} compress {domid}"), repeated(dom0, f"{TOOL} restore {domid}"):
        until(
            ["cancelled", "restored_forced", "collisions"],
            DomainController(dom0, domid),
            lambda: load.verify(3),
        )
    load.verify(1)
    assert imbalance_pages(guest.controller.stats()) == 0
