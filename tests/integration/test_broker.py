# SPDX-License-Identifier: GPL-2.0-or-later
"""The broker in dom0: what an idle guest does not touch, a busy one grows by."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness.build.artifacts import existing
from harness.hypervisor.memcompress import TOOL
from harness.report.books import imbalance_pages
from harness.scenarios.content import ContentClass, Corpus
from harness.scenarios.driver import daemon_log, driver_state
from harness.scenarios.heaps import Heaps
from harness.scenarios.live import LiveGuest
from harness.scenarios.load import Load, guest_run
from harness.testbed import Testbed
from harness.testing import TestbedPool
from tests.integration.compression import Loads, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

MIB = 256
NOMINAL, SLICE, MOST = 160 * MIB, 64 * MIB, 88 * MIB
# Awake it spares less of its 96 MiB than the busy one needs lent.
IDLE_PAGES = 15_500
HEAP_PAGES = 1024
KEEP_MIB = 40
LOG = "/run/broker.log"
CALLED_IN = re.compile(r"take back from busy: .*: lenders hold more: ")
CONFIG = f"""
keep = {KEEP_MIB}
step = 8
idle_age = 4
domain busy weight=100 max={MOST // MIB}
domain idle weight=100 min=24
"""
BED = [
    "guests.android.enabled=false",
    "guests.linux.enabled=false",
    "guests.busy.kind=linux",
    f"guests.busy.memory_mib={NOMINAL // MIB}",
    f"guests.busy.slice_mib={SLICE // MIB}",
    "guests.busy.compress.sweep_ms=500",
    # Xen keeps it to its slice: the broker moves both.
    f"guests.busy.compress.max_held={SLICE}",
    'guests.busy.allow=["oom"]',
    "guests.idle.kind=linux",
    "guests.idle.memory_mib=96",
    "guests.idle.compress.sweep_ms=500",
]


@pytest.fixture
def bed(testbeds: TestbedPool) -> Iterator[Testbed]:
    """One guest that may grow, and one with enough."""
    bed = testbeds.get("default", BED)
    bed.dom0.run(["tee", "/run/broker.conf"], stdin=CONFIG.encode())
    yield bed
    print(bed.dom0.succeed(f"cat {LOG} || true"))
    for guest in bed.guests.values():
        guest_run(LiveGuest(guest), "killall -q memload; true")


def target(bed: Testbed, name: str) -> int:
    """Frames of a guest's slice."""
    key = f"/local/domain/{bed.guests[name].domid}/memory/target"
    return int(bed.dom0.succeed(f"xenstore-read {key}")) // 4


def spared(bed: Testbed, idle: LiveGuest) -> bool:
    """All that is lent the idle guest does not hold."""
    stats = idle.controller.stats()
    return stats.held + target(bed, "busy") - SLICE <= stats.nominal


def keep_awake(guest: LiveGuest, load: Load) -> None:
    """All its pages are read, over and over, until /run/awake is gone."""
    digest = f"memload ctl --socket /tmp/memload.{load.name} digest 1 > /dev/null"
    loop = f"touch /run/awake; while [ -e /run/awake ]; do {digest}; done"
    guest_run(guest, f"({loop}) > /dev/null 2>&1 < /dev/null &")


def log(bed: Testbed) -> str:
    return bed.dom0.succeed(f"cat {LOG}")


@contextmanager
def broker(bed: Testbed, *options: str, begins: str = "busy: has a slice of") -> Iterator[None]:
    """The broker looks each second while the block lasts, and begins by saying that."""
    words = " ".join([TOOL, "broker", "/run/broker.conf", *options])
    bed.dom0.succeed(f"{words} > {LOG} 2>&1 < /dev/null & echo $! > /run/broker.pid")
    try:
        wait_for("the broker", lambda: begins in log(bed), timeout_s=20)
        yield
    finally:
        bed.dom0.succeed("kill $(cat /run/broker.pid)")
        wait_for(
            "the broker to end",
            lambda: not bed.dom0.succeed("pidof xen-memcompress || true").strip(),
            timeout_s=20,
        )


def test_a_busy_guest_grows_by_what_an_idle_one_does_not_touch(bed: Testbed) -> None:
    """Its own content does not compress: all that it grows by is lent."""
    corpus = Corpus.load(existing().corpus.path)
    busy, idle = LiveGuest(bed.guests["busy"]), LiveGuest(bed.guests["idle"])
    loads = Loads(idle, existing().corpus.path)
    sleeper = loads.start(ContentClass.TEXT, IDLE_PAGES)
    spared_awake = idle.controller.stats().nominal - idle.controller.stats().held
    heaps = Heaps(busy, corpus, ContentClass.RANDOM, HEAP_PAGES)
    without = heaps.until_killed(40)
    heaps.end()
    free, idle_slice = busy.controller.stats().host_free, target(bed, "idle")
    with broker(bed):
        alive = heaps.until_killed(without + 4)
        print(f"{without} heaps without the broker, {alive} with it")
        print(log(bed), daemon_log(busy)[-2000:], driver_state(busy), sep="\n")
        assert alive >= without + 4
        heaps.verify()
        lent = target(bed, "busy") - SLICE
        print(f"awake the idle one spares {spared_awake} frames; {lent} are lent")
        assert spared_awake < lent <= MOST - SLICE
        assert target(bed, "idle") == idle_slice
        wait_for(
            "Xen's limit to be the slice",
            lambda: busy.controller.stats().max_held == target(bed, "busy"),
        )
        # What it had free is lent first, and then what compression makes.
        assert idle.controller.stats().compressed > lent // 4
        assert spared(bed, idle)
        assert busy.controller.stats().host_free >= min(free, KEEP_MIB * MIB)

        # It wakes: with the hint its pages are there before they are touched.
        compressed = idle.controller.stats().compressed
        began = time.monotonic()
        sleeper.restore()
        hinted = time.monotonic()
        before = idle.controller.stats().restores["data"]
        assert sleeper.verify(3) == IDLE_PAGES
        faults = idle.controller.stats().restores["data"] - before
        awake = time.monotonic()
        assert sleeper.verify(4) == IDLE_PAGES
        print(
            f"{compressed} pages back in {hinted - began:.2f} s; then all were read in"
            f" {awake - hinted:.2f} s with {faults} faults, and again in"
            f" {time.monotonic() - awake:.2f} s"
        )
        assert faults < IDLE_PAGES // 50
        # So the loan is called in, and stays so while nothing of it is cold.
        keep_awake(idle, sleeper)
        wait_for("the loan to be called in", lambda: bool(CALLED_IN.search(log(bed))), timeout_s=30)
        wait_for("the loan to be no more than that", lambda: spared(bed, idle), timeout_s=30)
        print(f"called in after {time.monotonic() - awake:.1f} s, to {target(bed, 'busy') - SLICE}")
        assert target(bed, "busy") - SLICE < lent
        # And given back: who has less to do holds no more than his own.
        heaps.end()
        wait_for("all to be given back", lambda: target(bed, "busy") == SLICE, timeout_s=60)
        wait_for("no more to be held", lambda: busy.controller.stats().held <= SLICE, timeout_s=60)
        assert sleeper.verify(5) == IDLE_PAGES
        guest_run(idle, "rm /run/awake")
    assert target(bed, "busy") == SLICE
    assert busy.controller.stats().max_held == SLICE
    for guest in (busy, idle):
        assert imbalance_pages(guest.controller.stats()) == 0
    loads.stop_all()


def test_a_dry_run_of_the_broker_changes_nothing(bed: Testbed) -> None:
    busy = LiveGuest(bed.guests["busy"])
    heaps = Heaps(busy, Corpus.load(existing().corpus.path), ContentClass.RANDOM, HEAP_PAGES)
    with broker(bed, "--dry-run"):
        heaps.until_killed(40)
        wait_for("a decision", lambda: "dry run: lend busy" in log(bed), timeout_s=30)
        assert target(bed, "busy") == SLICE
    assert target(bed, "busy") == SLICE


def test_a_broker_that_was_killed_is_followed_by_one_that_knows_what_was_lent(
    bed: Testbed,
) -> None:
    domid = bed.guests["busy"].domid
    folder = f"/local/domain/{domid}/memory"
    with broker(bed):
        pass
    larger = SLICE + 4 * MIB
    bed.dom0.succeed(
        f"xenstore-write {folder}/xen-memcompress-loan '{SLICE * 4} {larger * 4}'"
        f" {folder}/target {larger * 4}"
    )
    with broker(bed, begins="busy: was lent 1024 frames by a broker before"):
        wait_for("what is not needed to be given back", lambda: target(bed, "busy") == SLICE)
    assert bed.dom0.run(["xenstore-exists", f"{folder}/xen-memcompress-loan"]).status == 1
