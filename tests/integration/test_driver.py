# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guest's driver does besides requests: free memory, exclusion, coming and going."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from harness.build.artifacts import existing
from harness.errors import GuestError
from harness.monitor.pressure import DRIVER
from harness.paths import repo_root
from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass
from harness.scenarios.live import LiveGuest
from harness.scenarios.load import (
    G_EXCLUDED,
    driver_file,
    driver_write,
    free_pages,
    guest_run,
    is_compressed,
)
from harness.scenarios.pressure import read_pressure
from harness.testing import TestbedPool
from tests.integration.compression import Loads, codec_runs, wait_for

MODULE = "/lib/modules/xen_memcompress.ko"
LOADS_AND_UNLOADS = 50
PAGE_BYTES = 4096


# Free, but with frames: what the kernel keeps ready on the lists of its CPUs, its small blocks, and
# what lets it report at all (32 blocks on top of the low watermark). 69 were seen right after boot.
NOT_REPORTED = 1024


def unused(guest: Guest) -> int:
    """Pages that have a frame beyond those that the guest's kernel says are in use."""
    free, stats = free_pages(guest), guest.controller.stats()
    return stats.resident - (stats.nominal - free)


def test_a_guest_that_freed_its_memory_holds_what_it_uses_at_no_codec_cost(
    guest: Guest, loads: Loads
) -> None:
    """80 % of what it has for processes, of content that no codec could make smaller."""
    pages = 7500
    # Right after its boot it has not reported anything yet.
    wait_for(
        "the free memory of the guest to be discarded",
        lambda: guest.controller.stats().resident < guest.controller.stats().nominal - 0.8 * pages,
        timeout_s=30,
    )
    before = guest.controller.stats().resident
    load = loads.start(ContentClass.RANDOM, pages)
    full = guest.controller.stats().resident
    # Some of it the guest held already: free, in blocks too small to be reported.
    assert full - before > 0.8 * pages
    runs = codec_runs(guest)
    loads.stop(load)
    wait_for("only what is used", lambda: unused(guest) < NOT_REPORTED, timeout_s=10)
    assert guest.controller.stats().resident < full - 0.8 * pages
    assert codec_runs(guest) == runs
    again = loads.start(ContentClass.TEXT, pages, name="again")
    again.verify(3)


def test_compressed_memory_that_is_freed_is_dropped_without_being_decoded(
    guest: Guest, loads: Loads
) -> None:
    pages = 4096
    load = loads.start(ContentClass.TEXT, pages)
    load.compress()
    before = guest.controller.stats().lzo
    assert before > 0.9 * pages
    decoded = guest.controller.histogram("decode").count
    loads.stop(load)
    wait_for(
        "the objects to be dropped",
        lambda: guest.controller.stats().lzo < before - 0.8 * pages,
        timeout_s=10,
    )
    assert guest.controller.histogram("decode").count - decoded < 0.1 * pages


@pytest.fixture
def holding(testbeds: TestbedPool) -> Guest:
    """A guest that was just booted, whose free memory is in large blocks: those are reported.

    A report of most of the guest's memory is in flight until somebody wants it. The kernel reports
    32 blocks at a time, the smaller ones first: of blocks from 128 pages on it has fewer.
    """
    driver = '"xmc.driver=report_hold=4096", "xmc.driver=report_order=7"'
    options = f'["xen_privcmd.unrestricted=1", {driver}]'
    bed = ["guests.android.enabled=false", f"guests.linux.options={options}"]
    return LiveGuest(testbeds.get("default", bed).guests["linux"])


def test_nobody_is_killed_for_memory_that_is_being_reported(holding: Guest) -> None:
    """The kernel has taken nearly all of it off its lists: it comes back before anybody is."""
    pages = 7000
    loads = Loads(holding, existing().corpus.path)
    kills = read_pressure(holding).kills
    loads.stop(loads.start(ContentClass.RANDOM, pages))
    wait_for("free memory off the lists", lambda: free_pages(holding) < pages / 2, timeout_s=20)
    again = loads.start(ContentClass.TEXT, pages, name="again")
    again.verify(3)
    assert read_pressure(holding).kills == kills
    loads.stop_all()


@pytest.mark.slow
def test_a_report_that_is_held_does_not_hold_up_unloading(holding: Guest) -> None:
    loads = Loads(holding, existing().corpus.path)
    loads.stop(loads.start(ContentClass.RANDOM, 7000))
    wait_for("free memory off the lists", lambda: free_pages(holding) < 3500, timeout_s=20)
    guest_run(holding, "rmmod xen_memcompress")
    wait_for("it to be back", lambda: free_pages(holding) > 7000, timeout_s=20)
    # As it was loaded: the kernel keeps the first order of blocks that it was given.
    guest_run(holding, f"insmod {MODULE} report_hold=4096 report_order=7")


def excluded(guest: Guest) -> list[str]:
    return driver_file(guest, "exclude").split()


def test_excluded_frames_stay_until_they_are_included(guest: Guest, loads: Loads) -> None:
    load = loads.start(ContentClass.TEXT, 512)
    load.compress()
    pfns = load.pfns()
    chosen = [0, 100, 511]
    spans = [f"{pfn * PAGE_BYTES:#x}-{(pfn + 1) * PAGE_BYTES:#x}" for pfn in pfns[chosen].tolist()]
    for span in spans:
        driver_write(guest, "exclude", span)
    assert excluded(guest) == spans
    assert set(load.states()[chosen].tolist()) == {G_EXCLUDED}
    load.compress()
    states = load.states()
    assert set(states[chosen].tolist()) == {G_EXCLUDED}
    assert int(is_compressed(states).sum()) > 480
    for span in spans:
        driver_write(guest, "include", span)
    assert excluded(guest) == []
    load.compress()
    assert bool(np.all(is_compressed(load.states()[chosen])))
    load.verify(1)


@pytest.mark.parametrize(
    "span", ["", "nonsense", "5000", "6000-5000", "0-1000", "1-2 3", "0-ffffffffffffffff"]
)
def test_an_exclusion_of_no_memory_is_refused(guest: Guest, span: str) -> None:
    with pytest.raises(GuestError):
        driver_write(guest, "exclude", span)
    assert excluded(guest) == []


def test_overlapping_exclusions_are_refused(guest: Guest, loads: Loads) -> None:
    first = int(loads.start(ContentClass.TEXT, 16).pfns()[0]) * PAGE_BYTES
    driver_write(guest, "exclude", f"{first:x}-{first + 2 * PAGE_BYTES:x}")
    for bad in (f"{first:x}-{first + 1:x}", f"{first + PAGE_BYTES:x}-{first + 3 * PAGE_BYTES:x}"):
        with pytest.raises(GuestError):
            driver_write(guest, "exclude", bad)
        with pytest.raises(GuestError):
            driver_write(guest, "include", bad)
    driver_write(guest, "include", f"{first:x}-{first + 2 * PAGE_BYTES:x}")
    assert excluded(guest) == []


class InTheBackground:
    """Does something in the guest over and over; failing is allowed, ending is not."""

    def __init__(self, guest: Guest, command: str) -> None:
        self._guest = guest
        self._command = command
        self._end = threading.Event()
        self.rounds = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> InTheBackground:
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._end.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), f"never came back: {self._command}"

    def _run(self) -> None:
        while not self._end.is_set():
            self._guest.shell.run(self._command, timeout_s=60)
            self.rounds += 1


@pytest.fixture
def module_back(guest: Guest) -> Iterator[None]:
    """Whatever becomes of the test, the driver is there for the next."""
    yield
    guest_run(guest, f"grep -q xen_memcompress /proc/modules || insmod {MODULE}")


@pytest.mark.usefixtures("module_back")
def test_the_module_comes_and_goes_under_load(guest: Guest, loads: Loads) -> None:
    come_and_go(guest, loads, LOADS_AND_UNLOADS)


@pytest.mark.slow
@pytest.mark.usefixtures("module_back")
def test_the_module_comes_and_goes_a_thousand_times_under_load(guest: Guest, loads: Loads) -> None:
    come_and_go(guest, loads, 1000)


def come_and_go(guest: Guest, loads: Loads, times: int) -> None:
    """Memory is touched, freed, compressed and excluded meanwhile."""
    known = loads.start(ContentClass.MIX, 2048, name="known")
    busy = loads.start(ContentClass.TEXT, 1024, name="busy")
    busy.ctl("spin", 2)
    first = int(known.pfns()[7]) * PAGE_BYTES
    span = f"{first:x}-{first + PAGE_BYTES:x}"
    ask = f"echo all > {DRIVER}/compress; echo {span} > {DRIVER}/exclude; dd if=/dev/zero"
    ask += " of=/tmp/freed bs=64k count=64 2> /dev/null; rm /tmp/freed"
    with InTheBackground(guest, ask) as asking:
        for _ in range(times):
            guest_run(guest, f"rmmod xen_memcompress && insmod {MODULE}")
    assert asking.rounds > 3
    busy.ctl("spin", 0)
    # Nobody in the guest takes part in what dom0 asks for.
    guest_run(guest, "rmmod xen_memcompress")
    assert guest.controller.compress() > 1500
    assert int(is_compressed(known.states()).sum()) > 1500
    known.verify(3)
    busy.verify(4)
    # An exclusion does not outlive the module that knows of it.
    guest_run(guest, f"insmod {MODULE}")
    assert excluded(guest) == []
    known.compress()
    assert G_EXCLUDED not in known.states()
    assert int(is_compressed(known.states()).sum()) > 1500
    known.verify(5)
    busy.verify(6)


def test_every_file_of_the_driver_is_described_and_there(guest: Guest) -> None:
    text = (repo_root() / "guest-drivers" / "linux" / "sysfs-kernel-xen_memcompress").read_text()
    described = set(re.findall(rf"{DRIVER}/(\w+)", text))
    assert set(guest_run(guest, f"ls {DRIVER}").decode().split()) == described
