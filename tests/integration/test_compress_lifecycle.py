# SPDX-License-Identifier: GPL-2.0-or-later
"""Domains are ballooned and destroyed while pages of theirs are compressed."""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from harness.deadline import Deadline
from harness.errors import HypervisorError
from harness.hypervisor import DomainController, Xl
from harness.hypervisor.memcompress import TOOL
from harness.report.books import imbalance_pages
from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass
from harness.testbed import Testbed
from harness.transport.base import Transport
from tests.integration.compression import SETUP, Loads, repeated, wait_for
from tests.integration.debug_key import pressed
from tests.integration.domains import GUEST_RAM0, MEMORY_MIB, create_paused, destroy_if_there
from tests.integration.programs import push_program

VICTIM = "victim"
CYCLES = 4
# Once in a dozen creations, compressed or not, Xen takes a page for its own small allocations. None
# of them is the controller's: on a Xen with assertions its frames are counted one by one.
XENS_OWN = (0, 1)
# Xen's GUEST_RAM0_BASE, and as much of a victim as the toolstack can map at once.
MOST_MAPPED = MEMORY_MIB << 8
# There is an age for each gfn from the first to a page at 128 GiB: so many frames, and to clear
# them takes several ticks of dom0's clock.
FAR_GFN = 0x2000000
AGE_PAGES = (FAR_GFN - GUEST_RAM0) // 4096


def frames_of_others(testbed: Testbed) -> int:
    """Frames that are not the victim's: free, in reserve, or the other guests' and their stores'.

    These are not asked to sit still: they report free pages, which come and go.
    """
    all_stats = [guest.controller.stats() for guest in testbed.guests.values()]
    held = sum(stats.resident + stats.store_pages for stats in all_stats)
    return held + all_stats[0].host_free + all_stats[0].reserve


def settled_frames(testbed: Testbed) -> int:
    """The same once it no longer changes: a domain's memory is given back in pieces."""
    deadline = Deadline(30.0)
    seen = [frames_of_others(testbed)]
    while len(seen) < 3 or len(set(seen[-3:])) > 1:
        deadline.check("host free memory to settle", last_seen=str(seen[-1]))
        time.sleep(0.3)
        seen.append(frames_of_others(testbed))
    return seen[-1]


def make_dom0s_tables(testbed: Testbed) -> None:
    """All the tables of dom0's stage 2 that the toolstack needs to build a domain.

    Xen keeps these for good. Linux takes the addresses where it maps frames of others from a list,
    in no order, so that a table more is needed now and then: unless it once had more at a time.
    """
    linux = testbed.guests["linux"]
    frames = linux.controller.stats().nominal
    program = push_program(testbed.dom0, "map_foreign.c")
    mapped = int(testbed.dom0.succeed(f"{program} {linux.domid} {GUEST_RAM0:#x} {frames}"))
    assert mapped > MOST_MAPPED


@pytest.fixture
def victim(dom0: Transport) -> Iterator[Callable[[], DomainController]]:
    """Creates a small second Linux guest that nothing else needs; gone at the end."""

    def create() -> DomainController:
        controller = DomainController(dom0, create_paused(dom0, VICTIM))
        controller.enable(SETUP)
        Xl(dom0).unpause(VICTIM)
        return controller

    yield create
    destroy_if_there(dom0, VICTIM)


def wait_until_it_computes(controller: DomainController) -> None:
    """The kernel is up: it has put something else than zero into most of a boot's memory."""

    def compressed() -> bool:
        controller.compress()
        return controller.stats().lzo > 1000

    wait_for("the victim to hold data", compressed)


def test_destroying_a_domain_with_compressed_pages_gives_all_of_its_memory_back(
    testbed: Testbed, guest: Guest, dom0: Transport, victim: Callable[[], DomainController]
) -> None:
    xl = Xl(dom0)
    # Nothing of the other guest may come back meanwhile and take frames.
    guest.controller.restore()
    make_dom0s_tables(testbed)
    # The first creation may make what Xen and the toolstack then keep for good.
    wait_until_it_computes(victim())
    xl.destroy(VICTIM)
    free = [settled_frames(testbed)]
    for _ in range(CYCLES):
        controller = victim()
        wait_until_it_computes(controller)
        stats = controller.stats()
        assert stats.compressed > 5000
        assert stats.store_pages > 0
        xl.destroy(VICTIM)
        free.append(settled_frames(testbed))
    # What a destroyed domain does not give back is missing each time.
    missing = [before - after for before, after in pairwise(free)]
    assert missing.count(0) >= CYCLES - 1, free
    assert sum(missing) in XENS_OWN, free


def destroy_in_the_middle(dom0: Transport, victim: Callable[[], DomainController]) -> None:
    """Of being compressed and restored by the toolstack at once, and by its own accesses."""
    for _ in range(3):
        controller = victim()
        domid = controller.domid
        with (
            repeated(dom0, f"{TOOL} compress {domid}"),
            repeated(dom0, f"{TOOL} restore {domid}"),
        ):
            wait_for("a collision", functools.partial(in_the_way, controller))
            Xl(dom0).destroy(VICTIM)


def in_the_way(controller: DomainController) -> bool:
    stats = controller.stats()
    return stats.cancelled + stats.collisions + stats.lost_races > 0


def test_a_domain_is_destroyed_while_its_pages_come_and_go(
    testbed: Testbed, guest: Guest, dom0: Transport, victim: Callable[[], DomainController]
) -> None:
    xl = Xl(dom0)
    guest.controller.restore()
    make_dom0s_tables(testbed)
    wait_until_it_computes(victim())
    xl.destroy(VICTIM)
    before = settled_frames(testbed)

    destroy_in_the_middle(dom0, victim)
    assert settled_frames(testbed) == before


def begin_to_enable(testbed: Testbed) -> tuple[DomainController, int]:
    """A domain for which switching it on was begun, and the frames that this has taken."""
    dom0 = testbed.dom0
    controller = DomainController(dom0, create_paused(dom0, VICTIM))
    domid = controller.domid
    memory = push_program(dom0, "xen_memory.c")
    assert int(dom0.succeed(f"{memory} populate {domid} {FAR_GFN:#x} 1")) == 1
    program = push_program(dom0, "enable_cut_short.c")
    before = frames_of_others(testbed)
    dom0.succeed(f"{program} {domid}")
    assert not controller.stats().info["enabled"]
    return controller, before - frames_of_others(testbed)


def test_what_a_domain_has_of_a_beginning_goes_on_or_goes_with_it(
    testbed: Testbed, guest: Guest, dom0: Transport, victim: Callable[[], DomainController]
) -> None:
    """Switched on by somebody who was not there any more when Xen wanted to go on."""
    xl = Xl(dom0)
    guest.controller.restore()
    make_dom0s_tables(testbed)
    controller, begun = begin_to_enable(testbed)
    print("frames of what was begun:", begun)
    assert begun >= 32
    controller.enable(SETUP)
    assert controller.stats().meta_bytes > AGE_PAGES * 4096
    assert controller.compress(max_pages=300) == 300
    assert imbalance_pages(controller.stats()) == 0
    xl.destroy(VICTIM)
    before = settled_frames(testbed)
    controller, begun = begin_to_enable(testbed)
    print("and without going on:", begun)
    assert begun >= 32
    xl.destroy(VICTIM)
    assert before - settled_frames(testbed) in XENS_OWN


@pytest.mark.debug_xen
def test_no_frame_stays_with_the_controller_when_a_domain_goes(
    testbed: Testbed, dom0: Transport, victim: Callable[[], DomainController]
) -> None:
    """To the frame: what is neither the heap's nor a domain's is in reserve, or in a store."""
    xl = Xl(dom0)
    destroy_in_the_middle(dom0, victim)
    for name in testbed.guests:
        xl.pause(name)
    try:
        wait_for("all frames to be accounted for", functools.partial(none_is_astray, testbed))
    finally:
        for name in testbed.guests:
            xl.unpause(name)


def none_is_astray(testbed: Testbed) -> bool:
    """Asked for again while a domain's end is under way."""
    (line, *_) = pressed(testbed.dom0)
    found = re.search(r"(\d+) in hand", line)
    assert found, f"wants: harness build xen --debug; {line}"
    all_stats = [guest.controller.stats() for guest in testbed.guests.values()]
    expected = all_stats[0].reserve + sum(stats.store_pages for stats in all_stats)
    print(f"{line}: {expected} expected")
    return int(found[1]) == expected


def test_the_controller_cannot_be_enabled_for_a_domain_that_ran(
    guest: Guest, victim: Callable[[], DomainController]
) -> None:
    controller = victim()
    with pytest.raises(HypervisorError):
        controller.enable(SETUP)


def test_a_paused_domain_is_compressed_and_restored_whole(
    dom0: Transport, victim: Callable[[], DomainController]
) -> None:
    controller = victim()
    wait_until_it_computes(controller)
    xl = Xl(dom0)
    xl.pause(VICTIM)
    controller.compress()
    stats = controller.stats()
    assert imbalance_pages(stats) == 0
    assert stats.compressed > 5000
    assert controller.restore() >= stats.compressed
    after = controller.stats()
    assert after.compressed == 0
    # The store keeps one empty chain (of at most 8 pages) so as not to flutter.
    assert after.store_pages <= 8
    assert imbalance_pages(after) == 0
    xl.unpause(VICTIM)


def test_ballooning_out_with_compressed_pages_keeps_content_and_books(
    guest: Guest, loads: Loads, dom0: Transport, domid: int
) -> None:
    load = loads.start(ContentClass.MIX, 1024)
    guest.controller.compress()
    before = guest.controller.stats()
    target = f"/local/domain/{domid}/memory/target"
    was_kib = int(dom0.succeed(f"xenstore-read {target}"))

    def balloon(kib: int, ballooned: int) -> None:
        dom0.succeed(f"xenstore-write {target} {kib}")
        wait_for(
            f"{ballooned} pages to be ballooned",
            lambda: abs(guest.controller.stats().ballooned - ballooned) <= 8,
        )

    try:
        balloon(was_kib - 8 * 1024, before.ballooned + 2048)
        load.verify(1)
        assert imbalance_pages(guest.controller.stats()) == 0
    finally:
        balloon(was_kib, before.ballooned)
    load.verify(2)
    assert imbalance_pages(guest.controller.stats()) == 0
