# SPDX-License-Identifier: GPL-2.0-or-later
"""Limits hold whoever is in a hurry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.errors import HypervisorError
from harness.hypervisor import DomainController
from harness.hypervisor.memcompress import TOOL, Stats
from harness.monitor.pressure import DRIVER
from harness.report.books import imbalance_pages
from harness.scenarios.content import ContentClass
from harness.scenarios.live import LiveGuest
from harness.scenarios.load import G_LZO, guest_run, is_compressed
from harness.testbed import Guest
from harness.transport.base import Transport
from tests.integration.compression import SETUP, Loads, repeated, wait_for
from tests.integration.domains import MEMORY_MIB, paused_domain
from tests.integration.programs import push_program

QUOTA = 700
# Pages that come and go while one asks twice.
CLOSE = 500
# Pages that find out that a store is full, batch by batch.
IN_VAIN = 100
# A store that is full of objects of about 3 KiB, and how much of what is dropped others replace.
STORE_PAGES, REFILLED = 200, 0.5
# What xl lets a domain have besides its memory.
SLACK_PAGES = 256
# Frames for half of a load to come back to, and of others that are held for a moment.
ROOM, CLOSE_TO_LIMIT = 1024, 32
# Xen's GUEST_RAM0_BASE, and behind what the domain is made with.
BEHIND_ITS_RAM = 0x40000 + (MEMORY_MIB << 8)


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


@pytest.fixture
def newcomer(dom0: Transport) -> Iterator[DomainController]:
    """A domain that has not run yet, with the controller on."""
    with paused_domain(dom0, "newcomer") as domid:
        controller = DomainController(dom0, domid)
        controller.enable(SETUP)
        yield controller


def test_a_domain_gets_no_more_frames_by_being_compressed(
    dom0: Transport, newcomer: DomainController
) -> None:
    """What is compressed has a right to come back, so it counts as the domain's."""
    newcomer.compress()
    compressed = newcomer.stats().compressed
    assert compressed > 4096
    program = push_program(dom0, "xen_memory.c")
    asked = f"{program} populate {newcomer.domid} {BEHIND_ITS_RAM:#x} 4096"
    assert int(dom0.succeed(asked)) <= SLACK_PAGES
    assert imbalance_pages(newcomer.stats()) == 0
    assert newcomer.restore() == compressed


def test_a_limit_that_is_lowered_keeps_no_page_away(
    dom0: Transport, newcomer: DomainController
) -> None:
    newcomer.compress()
    compressed = newcomer.stats().compressed
    program = push_program(dom0, "xen_memory.c")
    dom0.succeed(f"{program} max {newcomer.domid} 4096")
    assert newcomer.restore() == compressed
    after = newcomer.stats()
    assert (after.compressed, imbalance_pages(after)) == (0, 0)


def test_a_guest_is_told_its_own_numbers_and_no_others(
    guest: LiveGuest, loads: Loads, newcomer: DomainController
) -> None:
    """Nothing of the host, nor of who else is on it."""
    loads.start(ContentClass.TEXT, 1024).compress()
    newcomer.compress()
    assert newcomer.stats().compressed > 4096
    names = "compressed store_pages held restores"

    def the_same() -> bool:
        told = guest_run(guest, f"cd {DRIVER}; for n in {names}; do cat now_$n; done").split()
        stats = guest.controller.stats()
        own = (stats.compressed, stats.store_pages, stats.held, stats.restores_total)
        pairs = list(zip(map(int, told), own, strict=True))
        print(pairs)
        return all(abs(said - is_now) < CLOSE for said, is_now in pairs)

    # The guest goes on between the two questions, and gives up what it does not use.
    wait_for("the guest to be told what dom0 is", the_same, timeout_s=20)


def test_what_comes_back_beyond_the_limit_pays_with_others(guest: LiveGuest, loads: Loads) -> None:
    """A load is read over and over that fits by half: no more is held, and all of it is right."""
    load = loads.start(ContentClass.TEXT, 4096)
    controller = guest.controller
    controller.compress()
    limit, seen = controller.stats().held + ROOM, []
    controller.set(replace(SETUP, sweep_ms=100))
    controller.limit_held(limit)
    try:
        with pytest.raises(HypervisorError):
            controller.limit_held(1023)
        for seed in range(1, 5):
            load.verify(seed)
            seen.append(controller.stats().held)
        # Nor does a hint bring back more.
        load.restore()
        seen.append(controller.stats().held)
        stats = controller.stats()
        print(limit, seen, stats)
        assert (stats.max_held, imbalance_pages(stats)) == (limit, 0)
        assert max(seen) <= limit + CLOSE_TO_LIMIT
        assert stats.limited > ROOM
        # And without: it is what kept the pages away.
        controller.limit_held(0)
        load.verify(5)
        load.verify(6)
        assert controller.stats().held > limit + ROOM // 2
    finally:
        controller.limit_held(0)
        controller.set(SETUP)


def test_a_limit_that_is_too_small_ends_in_no_thrashing(guest: LiveGuest, loads: Loads) -> None:
    """Most of it does not compress, so what is at work is all that the limit could take."""
    loads.start(ContentClass.RANDOM, 6144, name="noise")
    work = loads.start(ContentClass.TEXT, 512)
    controller = guest.controller
    controller.compress()
    controller.set(replace(SETUP, sweep_ms=2000))
    controller.limit_held(max(1024, controller.stats().held - ROOM))
    try:
        work.verify(1)
        before = controller.stats()
        for seed in range(2, 22):
            work.verify(seed)
        after = controller.stats()
        taken = after.limited - before.limited
        print(f"{taken} pages were taken; {after}")
        assert after.held > after.max_held
        # Once a sweep, and not in each of these rounds: then it is twice as many as are read.
        assert taken < 20 * work.count // 2
        assert imbalance_pages(after) == 0
    finally:
        controller.limit_held(0)
        controller.set(SETUP)


def test_the_store_of_a_domain_has_its_limit(newcomer: DomainController) -> None:
    newcomer.set(replace(SETUP, max_store_pages=100))
    newcomer.compress()
    stats = newcomer.stats()
    assert 50 < stats.store_pages <= 100
    assert stats.no_memory > 0
    assert imbalance_pages(stats) == 0


def test_a_store_at_its_limit_is_not_asked_in_vain(newcomer: DomainController) -> None:
    """What would have no place is neither nominated nor compressed, until there is room."""
    newcomer.set(replace(SETUP, max_store_pages=100))
    newcomer.compress()
    full = newcomer.stats()
    for _ in range(3):
        newcomer.compress()
    after = newcomer.stats()
    print(full, after, sep="\n")
    assert full.resident > 10 * IN_VAIN
    assert after.nominated - full.nominated < IN_VAIN
    assert after.no_memory - full.no_memory < IN_VAIN
    # A limit that is raised.
    newcomer.set(replace(SETUP, max_store_pages=200))
    newcomer.compress()
    raised = newcomer.stats()
    assert 150 < raised.store_pages <= 200
    # Room that restores have left.
    newcomer.restore()
    assert newcomer.stats().lzo == 0
    newcomer.compress()
    again = newcomer.stats()
    assert 150 < again.store_pages <= 200
    assert imbalance_pages(again) == 0


def fill_store(controller: DomainController) -> Stats:
    """Compress until the domain's store is not asked any more."""
    controller.compress()
    full = controller.stats()
    controller.compress()
    again = controller.stats()
    assert again.nominated - full.nominated < IN_VAIN
    assert again.lzo - full.lzo < IN_VAIN
    return again


@pytest.mark.parametrize(
    "word",
    [
        pytest.param("out", id="are ballooned out"),
        pytest.param("over", id="get other frames"),
    ],
)
def test_a_full_store_takes_pages_again_when_some_of_its_own(
    dom0: Transport, newcomer: DomainController, word: str
) -> None:
    """A few of each page of the store: hardly one becomes free, the room is within them."""
    newcomer.set(replace(SETUP, max_store_pages=STORE_PAGES))
    full = fill_store(newcomer)
    stored = [gfn for gfn, state in enumerate(newcomer.states()) if state & 0xF == G_LZO]
    assert len(stored) > STORE_PAGES
    gone = stored[::8]
    program = push_program(dom0, "xen_memory.c")
    words = " ".join(f"{gfn:#x}" for gfn in gone)
    assert int(dom0.succeed(f"{program} {word} {newcomer.domid} {words}")) == len(gone)
    after = newcomer.stats()
    print(full, after, sep="\n")
    assert after.dropped - full.dropped == len(gone)
    assert full.lzo - after.lzo == len(gone)
    assert imbalance_pages(after) == 0
    newcomer.compress()
    again = newcomer.stats()
    assert again.lzo - after.lzo > REFILLED * len(gone)
    assert again.store_pages <= STORE_PAGES
    assert imbalance_pages(again) == 0
    assert newcomer.restore() >= again.lzo


def test_a_full_store_takes_pages_again_when_the_guest_frees_some(
    guest: LiveGuest, loads: Loads
) -> None:
    load = loads.start(ContentClass.TEXT, 1024)
    guest.controller.restore()
    guest.controller.set(replace(SETUP, max_store_pages=STORE_PAGES))
    try:
        load.compress()
        full = fill_store(guest.controller)
        kept = int(is_compressed(load.states()).sum())
        assert kept > STORE_PAGES // 2
        loads.stop(load)
        wait_for(
            "the objects to be dropped",
            lambda: full.lzo - guest.controller.stats().lzo > REFILLED * kept,
            timeout_s=10,
        )
        before = guest.controller.stats()
        # What had no place: much of the guest's own.
        guest.controller.compress()
        after = guest.controller.stats()
        print(full, before, after, sep="\n")
        assert after.lzo - before.lzo > REFILLED * kept
        assert after.store_pages <= STORE_PAGES
        assert imbalance_pages(after) == 0
    finally:
        guest.controller.set(SETUP)


def test_what_was_just_brought_back_is_not_taken_by_age(guest: LiveGuest, loads: Loads) -> None:
    """The pages that one instruction needs at once are together, or it is never executed."""
    load = loads.start(ContentClass.TEXT, 512)
    for _ in range(3):
        guest.controller.sweep()
    load.compress()
    before = guest.controller.stats()
    for _ in range(3):
        guest.controller.sweep()
    load.verify(1)
    guest.controller.compress(min_age=1)
    assert int(is_compressed(load.states()).sum()) == 0
    assert guest.controller.stats().restores_total > before.restores_total
