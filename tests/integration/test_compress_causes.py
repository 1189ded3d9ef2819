# SPDX-License-Identifier: GPL-2.0-or-later
"""Each way in which a compressed page can be needed brings it back, and is counted.

Every test fails if its cause was not seen: a path that is not exercised is not tested.
"""

from __future__ import annotations

import errno

import numpy as np

from harness.build.artifacts import existing
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


def test_a_page_mapped_by_dom0_is_restored_and_holds_its_content(
    guest: Guest, loads: Loads, dom0: Transport, domid: int
) -> None:
    load = loads.start(ContentClass.TEXT, 512)
    load.compress()
    pfns = load.pfns()
    chosen = np.flatnonzero(is_compressed(states_of(guest, pfns)))[:64]
    assert chosen.size == 64
    dom0.push(existing().memload.path, "/tmp/memload")
    with restores_counted(guest, "foreign"):
        gfns = [f"{gfn:#x}" for gfn in pfns[chosen].tolist()]
        done = dom0.run(["/tmp/memload", "foreign", str(domid), *gfns])
    assert done.status == 0, done.stderr
    assert done.stdout == load.expected_pages(chosen).tobytes()
    assert int(is_compressed(states_of(guest, pfns[chosen])).sum()) == 0
    load.verify(1)


def test_a_core_dump_of_a_guest_with_compressed_pages_disturbs_nothing(
    guest: Guest, loads: Loads, dom0: Transport, domid: int
) -> None:
    load = loads.start(ContentClass.MIX, 1024)
    guest.controller.compress()
    done = dom0.run(f"xl dump-core {domid} /dev/null", timeout_s=60)
    assert done.status == 0, done.stderr
    load.verify(1)


def test_the_toolstack_restores_everything(guest: Guest, loads: Loads) -> None:
    load = loads.start(ContentClass.MIX, 1024)
    load.compress()
    with restores_counted(guest, "forced"):
        assert guest.controller.restore() > 0
    assert guest.controller.stats().compressed == 0
    load.verify(1)
