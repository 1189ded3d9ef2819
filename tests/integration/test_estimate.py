# SPDX-License-Identifier: GPL-2.0-or-later
"""What would be gained is said before anything is compressed, and then it is."""

from __future__ import annotations

from pathlib import Path

from harness.estimate.guest import estimate_guest
from harness.estimate.pages import estimate, read_dump
from harness.scenarios.content import ContentClass
from harness.scenarios.live import LiveGuest
from harness.scenarios.load import outlast_back_off
from harness.testbed import Testbed
from tests.integration.compression import Loads

BAR = 0.10


def test_an_estimate_is_within_a_tenth_of_what_the_controller_gains(
    testbed: Testbed, guest: LiveGuest, loads: Loads, tmp_path: Path
) -> None:
    loads.start(ContentClass.MIX, 4096)
    guest.controller.restore()
    outlast_back_off(guest)
    dump = tmp_path / "linux"
    said, before = estimate_guest(testbed, "linux", keep=dump)
    guest.controller.compress()
    after = guest.controller.stats()
    # A free page is gained whether it is compressed or the guest reports it first.
    gained = after.gained_kib - before.gained_kib
    kinds = ("resident", "discarded", "zero", "same", "lzo", "store_pages", "table_pages")
    told = {kind: (getattr(before, kind), getattr(after, kind)) for kind in kinds}
    print(f"estimated {said.gained_kib} KiB, gained {gained} KiB; {said}; {told}")
    assert gained > 8 * 1024
    assert abs(said.gained_kib - gained) <= BAR * gained
    assert estimate(read_dump(dump)) == said


def test_pages_of_a_compressed_guest_are_not_estimated_again(
    testbed: Testbed, compressed: LiveGuest
) -> None:
    said, stats = estimate_guest(testbed, "linux")
    assert stats.compressed > 0
    # Found by what Xen says it has, which is little now.
    assert abs(said.pages - stats.resident) <= 0.02 * stats.resident
    assert said.gained_kib < stats.gained_kib
