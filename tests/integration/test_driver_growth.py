# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest in a fixed slice: with the driver it grows where without it the kernel kills."""

from __future__ import annotations

import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from harness.build.artifacts import existing
from harness.errors import GuestError
from harness.hypervisor import Xl
from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass, Corpus
from harness.scenarios.driver import (
    MODULE,
    Activity,
    activity,
    resident_bytes,
    with_driver,
    without_driver,
)
from harness.scenarios.heaps import Alternation, Heaps, compare
from harness.scenarios.load import driver_file, driver_write, free_pages, guest_run
from harness.scenarios.pressure import read_pressure
from harness.testbed import Testbed
from tests.integration.compression import nothing_compressed, wait_for
from tests.integration.conftest import SLICE_MIB
from tests.integration.reading import Readers, reading

FRAMES = SLICE_MIB * 256
LOADS_AND_UNLOADS = 50


def heaps_of(guest: Guest, content: ContentClass) -> Heaps:
    return Heaps(guest, Corpus.load(existing().corpus.path), content)


def test_more_heaps_stay_alive_in_the_same_slice(sliced: Guest) -> None:
    """Alternating working sets: half as many again, all verified, none killed."""
    heaps = heaps_of(sliced, ContentClass.TEXT)
    found = compare(heaps, ratio=1.5, rounds=3)
    print(found)
    well_compared(found)
    assert found.alive >= 1.5 * found.without


def well_compared(found: Alternation) -> None:
    """Without the driver it was kills that ended it; with it growth let them live, in the slice."""
    assert found.kills_without >= 1
    assert found.kills == 0
    assert found.pressure.grown_total > 0
    assert found.full_share < 0.10
    assert found.longest_s < 30
    assert found.most_held < 1.1 * FRAMES


@pytest.mark.slow
@pytest.mark.parametrize("content", [ContentClass.MIX, ContentClass.CODE, ContentClass.POINTER])
def test_more_heaps_of_whatever_content(sliced: Guest, content: ContentClass) -> None:
    heaps = heaps_of(sliced, content)
    found = compare(heaps, ratio=1.5, rounds=10)
    print(content, found)
    well_compared(found)


def test_driver_and_daemon_are_small_and_idle_without_pressure(sliced: Guest) -> None:
    module, daemon = resident_bytes(sliced)
    print(f"resident: driver {module} bytes, daemon {daemon} bytes")
    assert module + daemon < 1 << 20
    with nothing_compressed(sliced):
        assert activity(sliced, 10) == Activity(requests=0, wakeups=0)


@pytest.mark.slow
def test_what_has_grown_is_given_back_by_unloading(sliced: Guest) -> None:
    """And nothing is lost by it: the balloon takes what nobody uses."""
    heaps = heaps_of(sliced, ContentClass.TEXT)
    for _ in range(8):
        heaps.begin()
    driver_write(sliced, "grow", str(16 << 10))
    assert int(driver_file(sliced, "grown")) > 0
    heaps.verify()
    # Ended in the middle of it, with most of what has grown in use.
    without_driver(sliced)
    heaps.verify()
    heaps.end()
    wait_for(
        "the balloon to have taken back all",
        lambda: sliced.controller.stats().ballooned >= FRAMES - 16,
    )


def test_a_smaller_slice_is_kept_to_by_compressing(sliced: Guest, sliced_bed: Testbed) -> None:
    """The toolstack takes frames of a guest that uses them all: no process is killed for it."""
    heaps = heaps_of(sliced, ContentClass.TEXT)
    for _ in range(8):
        heaps.begin()
    kills = read_pressure(sliced).kills
    smaller = SLICE_MIB - 16
    xl, domid = Xl(sliced_bed.dom0), sliced_bed.guests["linux"].domid
    xl.set_slice(domid, smaller)
    try:
        wait_for(
            "the guest to hold its slice",
            lambda: sliced.controller.stats().held <= 1.05 * smaller * 256,
        )
        heaps.verify()
        assert read_pressure(sliced).kills == kills
        wait_for(
            "the guest to hold its slice",
            lambda: sliced.controller.stats().held <= 1.05 * smaller * 256,
        )
    finally:
        xl.set_slice(domid, SLICE_MIB)
    heaps.verify()


@pytest.mark.slow
@pytest.mark.parametrize("read", [6, 12])
def test_the_slice_is_kept_while_it_is_in_use(sliced: Guest, read: int) -> None:
    """Twelve heaps, more than the slice. What is not in use costs no frame for more than moments.

    Where all of it is read, several times a second on a fast machine, Xen's limit sees to that.
    """
    heaps = heaps_of(sliced, ContentClass.TEXT)
    for _ in range(12):
        heaps.begin()
    used = Heaps(sliced, heaps.corpus, heaps.content, alive=heaps.alive[:read])
    kills, held = read_pressure(sliced).kills, []
    with reading(sliced, used, Readers(4)):
        time.sleep(10)
        requests, began = int(driver_file(sliced, "requests")), time.monotonic()
        for _ in range(40):
            held.append(int(driver_file(sliced, "now_held")))
            time.sleep(0.25)
        requests = int(driver_file(sliced, "requests")) - requests
        rate = requests / (time.monotonic() - began)
    stall = driver_file(sliced, "stall_percent")
    print(f"held {min(held)} to {max(held)}, median {statistics.median(held)}; stall {stall} %")
    print(f"{rate:.1f} requests a second")
    print(guest_run(sliced, "dmesg | grep 'no more room'; true").decode())
    heaps.verify()
    assert read_pressure(sliced).kills == kills
    assert statistics.median(held) < 1.02 * FRAMES
    # A look makes six; at five looks a second most of them were for nothing.
    assert rate < 15


@pytest.mark.slow
def test_the_module_comes_and_goes_while_the_guest_grows(sliced: Guest) -> None:
    """Heaps begin and end meanwhile, more of them than fit without it: some may be killed."""
    heaps = heaps_of(sliced, ContentClass.TEXT)
    end, verified = threading.Event(), list[int]()

    def come_and_go() -> None:
        while not end.is_set():
            with suppress(GuestError):
                while len(heaps.alive) < 9:
                    heaps.begin().verify(1)
                    verified.append(1)
                heaps.verify()
                verified.append(len(heaps.alive))
            heaps.end()

    with ThreadPoolExecutor(1) as others:
        coming = others.submit(come_and_go)
        try:
            for _ in range(LOADS_AND_UNLOADS):
                guest_run(sliced, f"rmmod xen_memcompress && insmod {MODULE}; sleep 0.3")
        finally:
            end.set()
        coming.result()  # content that differs is raised here
    kills = read_pressure(sliced).kills
    print(f"{sum(verified)} heaps were verified; {kills} were killed since the guest began")
    assert verified
    with_driver(sliced)
    for _ in range(11):
        heaps.begin()
    heaps.verify()
    heaps.end()
    wait_for("growth to be given back", lambda: int(driver_file(sliced, "grown")) == 0)
    assert sliced.controller.stats().ballooned >= FRAMES - 16


def test_memory_is_kept_free_ahead_for_who_goes_by_it(sliced: Guest) -> None:
    """Android's killer does. The guest grows before anybody waits; what is free has no frame."""
    heaps = heaps_of(sliced, ContentClass.TEXT)
    for _ in range(6):
        heaps.begin()
    ahead = free_pages(sliced) + 2048
    driver_write(sliced, "grow_ahead", str(ahead))
    wait_for("free memory", lambda: free_pages(sliced) > ahead - 1024, timeout_s=20)
    assert int(driver_file(sliced, "grown")) > 0
    wait_for("it to have no frame", lambda: sliced.controller.stats().held < FRAMES, timeout_s=20)
    heaps.verify()
