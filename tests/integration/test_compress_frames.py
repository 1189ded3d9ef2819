# SPDX-License-Identifier: GPL-2.0-or-later
"""Whose a frame is: of a domain that has none, and when Xen writes to it."""

from __future__ import annotations

import errno
import time

from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass
from harness.transport.base import Transport
from tests.integration.compression import Loads
from tests.integration.programs import push_program

# Of a bare domain; struct xen_mem_compress_stats.
PAGES = 4096
EXCLUDED = 6


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
    # 32-bit ones are not compressed, so it does not become one.
    assert state("narrow") == (-errno.EBUSY, 0, PAGES, PAGES)
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
