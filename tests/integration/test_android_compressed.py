# SPDX-License-Identifier: GPL-2.0-or-later
"""The Android guest while Xen compresses all of it that is not in use at the instant."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.report.books import imbalance_pages
from harness.testbed import Guest, Testbed
from tests.integration.android import LARGE, OTHER, compressing, device, pass_the_functional_set

# Minutes each.
pytestmark = pytest.mark.slow

# Of one's own to be compressed, so that a round was one.
ENOUGH_PAGES = 1000


@pytest.fixture(autouse=True)
def books(android: Guest) -> Iterator[None]:
    """They balance afterwards, and no object failed its check."""
    yield
    stats = android.controller.stats()
    assert imbalance_pages(stats) == 0
    assert stats.corrupted == 0


def test_the_functional_set_passes_under_compression(testbed: Testbed, android: Guest) -> None:
    device(android).stop()
    with compressing(testbed, android) as rounds:
        pass_the_functional_set(android)
    print(f"pages compressed {rounds}")
    assert sum(rounds) > ENOUGH_PAGES


def test_heaps_are_whole_and_garbage_is_collected_under_compression(
    testbed: Testbed, android: Guest
) -> None:
    phone = device(android)
    phone.stop()
    packages = [p for p in phone.packages() if p != OTHER][:2]
    with compressing(testbed, android) as rounds:
        for package in (*packages, OTHER):
            phone.start(package)
        for package in packages:
            phone.start(package)
            assert " ok " in phone.front("churn 2")
        alive = [process.name for process in phone.stack()]
        assert sorted(phone.verify()) == sorted(alive)
    assert len(alive) == 3
    assert sum(rounds) > ENOUGH_PAGES
    assert android.controller.stats().restores["data"] > ENOUGH_PAGES


def test_a_zygote_whose_pages_are_compressed_forks(android: Guest) -> None:
    phone = device(android)
    phone.stop()
    android.controller.compress()
    before = android.controller.stats()
    assert before.compressed > ENOUGH_PAGES
    # A parent that is idle, and a child that is its copy: both get the page, once.
    assert phone.start(LARGE).cold
    android.controller.compress()
    assert phone.start(OTHER).cold
    assert set(phone.verify()) == {LARGE, OTHER}
