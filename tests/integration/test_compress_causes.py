# SPDX-License-Identifier: GPL-2.0-or-later
"""Each way in which a compressed page can be needed brings it back, and is counted.

Every test fails if its cause was not seen: a path that is not exercised is not tested.
"""

from __future__ import annotations

import errno

import numpy as np

from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass
from harness.scenarios.load import guest_run, is_compressed, states_of
from harness.transport.base import Transport
from tests.integration.compression import Loads, restores_counted


def test_a_read_restores(guest: Guest, loads: Loads) -> None:
    load = loads.start(ContentClass.TEXT, 512)
    load.compress()
    with restores_counted(guest, "data"):
        load.verify(1)


def test_an_instruction_fetch_restores(guest: Guest, loads: Loads) -> None:
    load = loads.start(ContentClass.EXEC, 512)
    load.compress()
    with restores_counted(guest, "insn"):
        assert load.verify_exec(1) == 512
    load.verify(2)


def test_the_walk_of_a_compressed_page_table_restores(guest: Guest, loads: Loads) -> None:
    load = loads.start(ContentClass.TEXT, 1024)
    with restores_counted(guest, "s1walk"):
        # All of the guest's memory, its page tables too; then its TLBs are as good as empty.
        guest.controller.compress()
        load.verify(1)


def test_xen_reading_a_hypercall_buffer_restores(guest: Guest, loads: Loads) -> None:
    load = loads.start(ContentClass.TEXT, 256)
    load.compress()
    with restores_counted(guest, "xen"):
        results = np.frombuffer(load.ctl("hypercall", 3), dtype=np.uint64)
    assert errno.EFAULT not in results.tolist()
    load.verify(1)


def test_a_grant_of_a_compressed_page_restores(guest: Guest, loads: Loads) -> None:
    loads.start(ContentClass.TEXT, 256)
    with restores_counted(guest, "grant"):
        # Buffers that wait in the network ring are granted, and cold.
        guest.controller.compress()
        assert len(guest_run(guest, "head -c 200000 /bin/busybox")) == 200_000


def test_a_core_dump_from_dom0_restores_what_it_maps(
    guest: Guest, loads: Loads, dom0: Transport, domid: int
) -> None:
    load = loads.start(ContentClass.TEXT, 1024)
    load.compress()
    pfns = load.pfns()
    with restores_counted(guest, "foreign"):
        done = dom0.run(f"xl dump-core {domid} /dev/null", timeout_s=60)
        assert done.status == 0, done.stderr
    assert int(is_compressed(states_of(guest, pfns)).sum()) == 0
    load.verify(1)


def test_the_toolstack_restores_everything(guest: Guest, loads: Loads) -> None:
    load = loads.start(ContentClass.MIX, 1024)
    load.compress()
    with restores_counted(guest, "forced"):
        assert guest.controller.restore() > 0
    assert guest.controller.stats().compressed == 0
    load.verify(1)
