# SPDX-License-Identifier: GPL-2.0-or-later
"""Whose a frame is: of a domain that has none, and when it is offline, or Xen writes to it."""

from __future__ import annotations

import errno
import time

from harness.hypervisor import DomainController
from harness.report.books import imbalance_pages
from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass
from harness.transport.base import Transport
from tests.integration.compression import Loads
from tests.integration.programs import push_program

# Of a bare domain; struct xen_mem_compress_stats.
PAGES = 4096
EXCLUDED = 6
# Frames that nobody has asked for since: in front of two CPUs, and of a chain that the store keeps.
LEFT = 2 * 8 + 8


def test_a_domain_without_a_single_frame_comes_back_and_can_be_destroyed(dom0: Transport) -> None:
    """Nobody else has its pages; at the end somebody balloons it out while it is destroyed."""
    lines = dom0.succeed([push_program(dom0, "bare_domain.c")], timeout_s=120).splitlines()
    told = {line.split()[0]: line.split()[1:] for line in lines}
    print(told)

    def state(name: str) -> tuple[int, ...]:
        rc, resident, compressed, pages, balanced = told[name]
        assert balanced == "balanced", (name, told)
        return int(rc), int(resident), int(compressed), int(pages)

    assert state("create") == (0, PAGES, 0, PAGES)
    assert state("compress") == (0, 0, PAGES, PAGES)
    assert state("restore") == (0, PAGES, 0, PAGES)
    assert state("again") == (0, 0, PAGES, PAGES)
    assert state("balloon") == (100, 0, PAGES - 100, PAGES - 100)
    assert state("populate") == (100, 100, PAGES - 100, PAGES)
    # Removed from where it is, a page is the domain's still, as any other is.
    assert state("remove") == (0, 101, PAGES - 101, PAGES)
    assert state("nothing") == (-errno.ENOENT, 101, PAGES - 101, PAGES)
    assert state("rest") == (0, 1, PAGES - 1, PAGES)
    assert told["destroy"] == ["0"]
    assert told["gone"] == [str(-errno.ESRCH)]


def test_frames_that_are_taken_offline_leave_the_reserve_and_the_stores(
    guest: Guest, loads: Loads, dom0: Transport, domid: int
) -> None:
    load = loads.start(ContentClass.MIX, 2048)
    load.compress()
    program = push_program(dom0, "page_offline.c")
    controller = DomainController(dom0, domid)
    before = controller.stats()
    assert before.store_pages > 100
    taken = int(dom0.succeed([program, "take"], timeout_s=120))
    try:
        assert taken > before.reserve + before.store_pages
        guest.controller.restore()
        load.verify(1)
        load.compress()
        load.verify(2)
        guest.controller.restore()
        lines = dom0.succeed([program, "where"], timeout_s=120).splitlines()
        became = {name: int(number) for name, number in (line.split() for line in lines)}
        print(taken, became)
        # Those that were on their way into a domain at the moment: none, as nobody was at it.
        assert f"d{domid}" not in became
        assert became["offlined"] >= before.reserve + before.store_pages - LEFT
        after = controller.stats()
        assert after.corrupted == 0
        assert imbalance_pages(after) == 0
        # Filled again with others.
        assert after.reserve >= after.reserve_target // 2
    finally:
        dom0.succeed([program, "back"], timeout_s=120)


def test_pages_of_a_runstate_area_exclude_themselves(guest: Guest, loads: Loads) -> None:
    """Linux registers one for each vCPU, by virtual address, which Xen writes when it schedules."""
    loads.start(ContentClass.TEXT, 64)
    for _ in range(3):
        guest.controller.compress()
        # The vCPUs come and go.
        time.sleep(0.5)
    found = {gfn for gfn, state in enumerate(guest.controller.states()) if state & 0xF == EXCLUDED}
    assert found
    guest.controller.compress()
    states = guest.controller.states()
    assert {states[gfn] & 0xF for gfn in found} == {EXCLUDED}
