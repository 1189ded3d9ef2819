# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's kernel, page tables and program text may be compressed while it runs."""

from __future__ import annotations

from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass
from harness.scenarios.load import guest_run
from tests.integration.compression import Loads


def test_a_guest_with_two_vcpus_survives_compression_of_its_kernel_and_page_tables(
    guest: Guest, loads: Loads
) -> None:
    assert guest.vcpus == 2
    load = loads.start(ContentClass.MIX, 2048)
    load.ctl("spin", 2)
    before = guest.controller.stats()
    for round_number in range(4):
        guest.controller.compress()
        # New processes: forks copy page tables, execs read program text from the page cache.
        out = guest_run(guest, "for i in 1 2 3 4 5; do /bin/busybox sh -c 'echo $((6 * 7))'; done")
        assert out.split() == [b"42"] * 5, round_number
    load.ctl("spin", 0)
    after = guest.controller.stats()
    load.verify_exec(1)
    load.verify(1)
    done = {cause: after.restores[cause] - before.restores[cause] for cause in after.restores}
    assert all(done[cause] for cause in ("data", "insn", "s1walk")), done
    assert after.corrupted == 0


def test_content_survives_requests_and_forced_compression_at_once(
    guest: Guest, loads: Loads
) -> None:
    load = loads.start(ContentClass.MIX, 2048)
    load.ctl("spin", 1)
    for cycle in (2, 3):
        load.fill(cycle)
        load.compress()
        guest.controller.compress()
        load.verify(cycle)
    load.ctl("spin", 0)
