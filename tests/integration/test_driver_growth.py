# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest in a fixed slice: with the driver it grows where without it the kernel kills."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from harness.build.artifacts import existing
from harness.errors import GuestError
from harness.scenarios.content import ContentClass, Corpus
from harness.scenarios.live import LiveGuest
from harness.scenarios.load import DRIVER, Load, driver_file, guest_run
from harness.scenarios.pressure import read_pressure
from harness.testbed import Testbed
from harness.testing import TestbedPool
from tests.integration.test_driver import wait_for

MODULE = "/lib/modules/xen_memcompress.ko"
NOMINAL_MIB, SLICE_MIB = 128, 64
BED = [
    "guests.android.enabled=false",
    f"guests.linux.memory_mib={NOMINAL_MIB}",
    "guests.linux.compress.sweep_ms=500",
    # Killing for memory is what these are about: they count it.
    'guests.linux.allow=["oom"]',
]
HEAP_PAGES = 1024
FRAMES = SLICE_MIB * 256


@pytest.fixture
def sliced(testbeds: TestbedPool) -> Iterator[Testbed]:
    """A guest created with 128 MiB and ballooned down to 64."""
    bed = testbeds.get("default", BED)
    guest = bed.guests["linux"]
    bed.dom0.succeed(f"xenstore-write /local/domain/{guest.domid}/memory/target {SLICE_MIB * 1024}")
    wait_for(
        "the guest to follow its target",
        lambda: guest.controller.stats().ballooned >= (NOMINAL_MIB - SLICE_MIB) * 256,
        timeout_s=60,
    )
    without_driver(LiveGuest(guest))
    yield bed
    with_driver(LiveGuest(guest))


def without_driver(guest: LiveGuest) -> None:
    guest_run(guest, "killall -q memcompressd; cat /proc/modules")
    if "xen_memcompress" in guest_run(guest, "cat /proc/modules").decode():
        guest_run(guest, "rmmod xen_memcompress")


def with_driver(guest: LiveGuest) -> None:
    without_driver(guest)
    guest_run(guest, f"insmod {MODULE}; /etc/xmc/daemon.sh > /run/memcompressd.log 2>&1 &")
    wait_for("the daemon", lambda: b"watching" in log(guest), timeout_s=20)


def log(guest: LiveGuest) -> bytes:
    return guest_run(guest, "cat /run/memcompressd.log")


def held(guest: LiveGuest) -> int:
    """Frames of the host that the guest costs."""
    stats = guest.controller.stats()
    return stats.resident + stats.store_pages + stats.table_pages


class Heaps:
    """Processes with heaps of 4 MiB, begun one after another."""

    def __init__(self, guest: LiveGuest, content: ContentClass) -> None:
        self.guest = guest
        self.content = content
        self.corpus = Corpus.load(existing().corpus.path)
        self.alive: list[Load] = []
        self.most_held = 0

    def begin(self, pages: int = HEAP_PAGES) -> Load:
        number = len(self.alive)
        load = Load.start(
            self.guest,
            name=f"heap{number}",
            content=self.content,
            seed=number,
            pages=pages,
            corpus=self.corpus,
        )
        self.alive.append(load)
        load.fill(1)
        self.look()
        return load

    def look(self) -> None:
        self.most_held = max(self.most_held, held(self.guest))

    def verify(self) -> None:
        """One after another: while one works the others do not."""
        for number, load in enumerate(self.alive):
            load.verify(number)
            self.look()

    def end(self) -> None:
        guest_run(self.guest, "killall -q memload; true")
        self.alive.clear()


def alive_before_the_first_kill(guest: LiveGuest, content: ContentClass) -> int:
    """Driver off: how many heaps there are when the kernel kills the first."""
    heaps = Heaps(guest, content)
    before = read_pressure(guest).kills
    try:
        while read_pressure(guest).kills == before:
            assert len(heaps.alive) < NOMINAL_MIB // 4, "nobody was killed"
            try:
                heaps.begin()
            except GuestError:
                # It was the one, or it could not even begin.
                break
        return len(heaps.alive) - 1
    finally:
        heaps.end()


def stall_share(guest: LiveGuest, heaps: Heaps) -> tuple[float, float]:
    """Part of the time in which all waited while every heap was verified thrice; that time."""
    before, began = read_pressure(guest), time.monotonic()
    for _ in range(3):
        heaps.verify()
    took_s = time.monotonic() - began
    return (read_pressure(guest).full_us - before.full_us) / took_s / 1e6, took_s


def test_more_heaps_stay_alive_in_the_same_slice(sliced: Testbed) -> None:
    """Alternating working sets: half as many again, all verified, none killed."""
    content = ContentClass.TEXT
    guest = LiveGuest(sliced.guests["linux"])
    off = alive_before_the_first_kill(guest, content)
    with_driver(guest)
    before = read_pressure(guest)
    heaps = Heaps(guest, content)
    try:
        while len(heaps.alive) < 1.5 * off:
            heaps.begin()
        share, took_s = stall_share(guest, heaps)
        print(
            f"{content}: {off} heaps without, {len(heaps.alive)} with; held at most"
            f" {heaps.most_held} of {FRAMES} frames; full stall {share:.1%} of {took_s:.0f} s;"
            f" grown {driver_file(guest, 'grown').strip()}"
        )
        assert read_pressure(guest).kills == before.kills
        assert share < 0.10
        assert heaps.most_held < 1.1 * FRAMES
    finally:
        print(log(guest).decode()[-3000:])
        print(guest_run(guest, f"cd {DRIVER}; grep . * 2> /dev/null; true").decode())
        heaps.end()
