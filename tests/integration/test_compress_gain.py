# SPDX-License-Identifier: GPL-2.0-or-later
"""Compression gives memory back, and the content is what the host knows it to be."""

from __future__ import annotations

import time

from harness.report.books import gained_by_lzo_kib, gained_kib, imbalance_pages
from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass
from harness.scenarios.load import G_LZO
from harness.scenarios.objects import check_objects
from harness.testbed import Testbed
from tests.integration.compression import Loads, wait_for


def test_a_guest_gains_8_mib_from_lzo_pages_of_seeded_content(guest: Guest, loads: Loads) -> None:
    load = loads.start(ContentClass.TEXT, 6144)
    before = guest.controller.stats()
    load.compress()
    after = guest.controller.stats()
    # Only what seeded pages can have added: the load's own, and no zero page among them.
    lzo = int((load.states() == G_LZO).sum())
    spent = after.store_pages - before.store_pages + after.table_pages - before.table_pages
    assert (lzo - spent) * 4 >= 8 * 1024
    assert gained_by_lzo_kib(after) - gained_by_lzo_kib(before) >= 8 * 1024
    assert gained_kib(after) > gained_kib(before)
    load.verify(1)


def test_an_android_guest_gains_8_mib_from_lzo_pages_of_seeded_content(
    android_guest: Guest, android_loads: Loads
) -> None:
    load = android_loads.start(ContentClass.TEXT, 6144)
    before = android_guest.controller.stats()
    load.compress()
    after = android_guest.controller.stats()
    lzo = int((load.states() == G_LZO).sum())
    spent = after.store_pages - before.store_pages + after.table_pages - before.table_pages
    assert (lzo - spent) * 4 >= 8 * 1024
    load.verify(1)


def test_host_free_memory_grows_by_what_is_gained(
    testbed: Testbed, guest: Guest, loads: Loads
) -> None:
    def books() -> tuple[int, int]:
        """Free memory of the host and what all guests together gained, in KiB."""
        each = [one.controller.stats() for one in testbed.guests.values()]
        return (each[-1].host_free + each[-1].reserve) * 4, sum(map(gained_kib, each))

    def at_rest() -> tuple[int, int]:
        """The books when nobody moves memory: an earlier test's domain goes bit by bit."""
        seen = [books()]

        def still() -> bool:
            time.sleep(0.5)
            seen.append(books())
            return seen[-1] == seen[-2]

        wait_for("the books to be at rest", still, timeout_s=20)
        return seen[-1]

    load = loads.start(ContentClass.TEXT, 4096)
    before = at_rest()
    load.compress()
    after = at_rest()
    freed, gained = after[0] - before[0], after[1] - before[1]
    # Frames are returned in whole pages, metadata is not. Another guest may have memory of an
    # earlier test just reported free: what all gained is what the host has.
    assert abs(freed - gained) <= 64, (freed, gained)


def test_books_balance_before_during_and_after(guest: Guest, loads: Loads) -> None:
    load = loads.start()
    seen = [guest.controller.stats()]
    load.compress()
    seen.append(guest.controller.stats())
    load.verify(2)
    seen.append(guest.controller.stats())
    assert [imbalance_pages(stats) for stats in seen] == [0, 0, 0]


def test_every_class_comes_back_intact(guest: Guest, loads: Loads) -> None:
    load = loads.start(ContentClass.MIX, 4096)
    for cycle in (1, 2, 3):
        load.fill(cycle)
        load.compress()
        load.verify_exec(cycle)
        load.verify(cycle)


def test_liblzo2_decodes_a_sample_of_objects_to_the_expected_pages(
    guest: Guest, loads: Loads
) -> None:
    load = loads.start(ContentClass.MIX, 4096)
    load.compress()
    assert check_objects(load, seed=5, share=0.001, at_least=24) >= 24
    load.verify(3)


def test_overwritten_pages_hold_what_was_written(guest: Guest, loads: Loads) -> None:
    load = loads.start(ContentClass.MIX, 2048)
    load.compress()
    load.fill(2)
    load.verify(4)


def test_the_toolstack_sees_compressed_pages_as_the_domains(
    guest: Guest, loads: Loads, testbed: Testbed
) -> None:
    """What xl list shows is what counts against the domain's limit, not the frames it has now."""
    load = loads.start(ContentClass.TEXT, 1024)
    shown = testbed.xl.domains()[guest.name].memory_mib
    guest.controller.compress()
    assert guest.controller.stats().compressed > 2000
    assert abs(testbed.xl.domains()[guest.name].memory_mib - shown) <= 1
    load.verify(1)
