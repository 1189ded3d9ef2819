# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages taken are the old ones, with either kind of access flag."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.deadline import Deadline
from harness.hypervisor import DomainController
from harness.hypervisor.memcompress import TOOL
from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass, touched_half
from harness.scenarios.live import LiveGuest
from harness.scenarios.load import Load, is_compressed, states_of
from harness.scenarios.victims import choose_victims
from harness.transport.base import Transport
from tests.integration.compression import SETUP, Loads
from tests.integration.domains import GUEST_RAM0, paused_domain
from tests.integration.programs import push_program

PAGES = 256
# Sweeps for which a page that did not compress is left alone after an access.
BACK_OFF = (4, 15, 15)


def test_victims_are_from_the_untouched_half(guest: LiveGuest, loads: Loads) -> None:
    """With the access flag set by software: the default CPU has no other."""
    load = loads.start(ContentClass.TEXT, 2048)
    verdict = choose_victims(load, 7)
    assert verdict.recall >= 0.5, verdict
    assert verdict.precision >= 0.95, verdict
    load.verify(1)


def test_victims_are_from_the_untouched_half_when_the_cpu_sets_the_flag(
    hw_af_guest: LiveGuest, hw_af_loads: Loads
) -> None:
    load = hw_af_loads.start(ContentClass.TEXT, 2048)
    verdict = choose_victims(load, 7)
    assert verdict.recall >= 0.5, verdict
    assert verdict.precision >= 0.95, verdict
    load.verify(1)


def test_what_was_in_use_for_long_is_not_taken_and_then_is_found(
    guest: LiveGuest, loads: Loads
) -> None:
    """By the clock, pages that are always in use are looked at by one in 8 sweeps only."""
    load = loads.start(ContentClass.TEXT, 1024)
    controller = guest.controller
    used = np.zeros(load.count, dtype=np.bool_)
    used[touched_half(7, load.count)] = True

    def sweeps_go_by(count: int, *, touching: bool) -> None:
        deadline, end = Deadline(60.0), controller.stats().sweeps + count
        while controller.stats().sweeps < end:
            deadline.check(f"{count} sweeps")
            if touching:
                load.ctl("touch-half", 7)
            time.sleep(0.05)

    controller.set(replace(SETUP, sweep_ms=500))
    try:
        # Five seconds between two touches make none of them a victim.
        sweeps_go_by(18, touching=True)
        controller.compress(min_age=10)
        taken = is_compressed(load.states())
        assert np.mean(used[taken]) <= 0.05, "pages in use were taken"
        assert np.mean(taken[~used]) >= 0.5, "too few were taken to tell"
        sweeps_go_by(14, touching=False)
        controller.compress(min_age=14 - 7)
        assert np.mean(is_compressed(load.states())) >= 0.95
    finally:
        controller.set(SETUP)
    load.verify(1)


def compressed(guest: Guest, load: Load) -> int:
    return int(is_compressed(states_of(guest, load.pfns())).sum())


def test_a_page_that_came_back_stays_until_it_is_old(
    guest: Guest, loads: Loads, dom0: Transport, domid: int
) -> None:
    """And it is counted as one that should not have been taken."""
    controller = DomainController(dom0, domid)
    load = loads.start(ContentClass.TEXT, PAGES)
    guest.controller.compress()
    assert compressed(guest, load) == PAGES
    before = controller.stats().refaults
    load.verify(1)
    assert controller.stats().refaults - before >= PAGES
    # Whatever asks for pages that are at least one sweep old.
    guest.controller.compress(min_age=1)
    assert compressed(guest, load) == 0
    # The first finds that it was accessed, the second that it was not since.
    guest.controller.sweep()
    guest.controller.sweep()
    guest.controller.compress(min_age=1)
    assert compressed(guest, load) == PAGES
    # As long as that nobody missed it, nobody counts it.
    guest.controller.sweep()
    guest.controller.sweep()
    before = controller.stats().refaults
    load.verify(2)
    assert controller.stats().refaults - before < PAGES / 8


@pytest.fixture
def noisy(dom0: Transport, tmp_path: Path) -> Iterator[DomainController]:
    """A domain that does not run, some of whose pages do not compress."""
    noise = tmp_path / "noise"
    noise.write_bytes(random.Random(7).randbytes(PAGES * 4096))
    dom0.push(noise, "/tmp/noise")
    with paused_domain(dom0, "noisy", 'ramdisk = "/tmp/noise"') as domid:
        controller = DomainController(dom0, domid)
        controller.enable(SETUP)
        yield controller


def test_what_does_not_compress_is_left_alone_ever_longer(
    dom0: Transport, noisy: DomainController
) -> None:
    """For good as long as nobody accesses it; once it was accessed, ever longer."""
    mapped = push_program(dom0, "map_foreign.c")
    domid, frames = noisy.domid, noisy.stats().nominal
    once = (
        f"{TOOL} compress {domid} >/dev/null; {TOOL} sweep {domid};"
        f" {TOOL} show {domid} --json | sed -n 's/.*\"rejected\": *\\([0-9]*\\).*/\\1/p'"
    )
    access = f"{mapped} {domid} {GUEST_RAM0:#x} {frames} > /dev/null"
    runs = [
        [*map(int, dom0.succeed(f"{access}; for i in $(seq 20); do {once}; done").split())]
        for _ in range(1 + len(BACK_OFF))
    ]
    rejected = runs[0][0]
    assert rejected >= PAGES
    assert runs[0] == 20 * [rejected]
    for nth, (seen, after) in enumerate(zip(runs[1:], BACK_OFF, strict=True), start=1):
        assert seen == after * [nth * rejected] + (20 - after) * [(nth + 1) * rejected]


def test_what_does_not_compress_is_not_what_is_old_enough(noisy: DomainController) -> None:
    """It is older than all others, and who wants some of the oldest gets others."""
    noisy.compress()
    for _ in range(15):
        noisy.sweep()
    noisy.restore()
    for _ in range(3):
        noisy.sweep()
    # As many as would be had if the oldest could be.
    assert noisy.compress(max_pages=PAGES // 2) == PAGES // 2
