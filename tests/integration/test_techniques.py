# SPDX-License-Identifier: GPL-2.0-or-later
"""Techniques and workloads on the real system: each does its part in little memory, and leaves.

Whatever a technique does with its pages, the load's whole memory is what the host expects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from harness.build.artifacts import existing
from harness.errors import GuestError
from harness.monitor.pressure import DRIVER
from harness.scenarios.bed import Guest
from harness.scenarios.content import Corpus
from harness.scenarios.live import LiveGuest
from harness.scenarios.load import guest_run
from harness.scenarios.techniques import TECHNIQUES, bare, technique
from harness.scenarios.workloads import Pattern, Result, Setup, running, workload
from harness.scenarios.workloads.programs import require_arm64
from harness.testing import TestbedPool

# In 64 MiB: some MiB more than are left beside the kernel; what KSM is to merge must fit before.
TOO_MUCH_MIB, FITS_MIB, KILLED_MIB = 36, 20, 48
NEEDS_DISK = ("zswap", "flash-swap")
ABLATIONS = tuple(name for name in TECHNIQUES if ":" in name)
PROGRAMS = ("lua", "sqlite", "valkey", "stress-ng", "text")


@dataclass(frozen=True, slots=True)
class Bare:
    """A guest of 128 MiB in a slice of 64, without anything of ours."""

    guest: Guest
    corpus: Corpus

    def left(self) -> str:
        """Whatever of a technique is still there: swap, merged pages, the driver."""
        switches = "/sys/kernel/mm/ksm/run /sys/block/zram0/disksize"
        switches += " /sys/module/zswap/parameters/enabled"
        words = f"tail -n +2 /proc/swaps; grep -v '^[0N]$' {switches}; ls -d {DRIVER}"
        return guest_run(self.guest, f"{words} 2> /dev/null; true").decode()

    def use(self, name: str, *, load: str = "memload", mib: int, work: float = 0.02) -> Result:
        """Work in it with a technique, which must have done something, and leaves nothing."""
        one, setup = technique(name), Setup(seed=7, mib=mib, corpus=self.corpus, work=work)
        with (
            one.on(self.guest) as active,
            running(workload(load), self.guest, setup, prefix=one.prefix) as at_work,
        ):
            took = at_work.work()
            assert at_work.verify() > 0
            counters = active.counters()
        print(name, load, f"{took.seconds:.2f} s", counters)
        if name != "none":
            assert counters[one.counted] > 0
        assert self.left() == ""
        return took


@pytest.fixture
def in_slice(sliced: Guest) -> Iterator[Bare]:
    """The guest of ``sliced``."""
    with bare(sliced):
        yield Bare(sliced, Corpus.load(existing().corpus.path))


@pytest.fixture
def with_disks(testbeds: TestbedPool) -> Iterator[Bare]:
    """One with a disk to swap to, and the programs."""
    overrides = [
        "guests.android.enabled=false",
        "guests.linux.memory_mib=128",
        "guests.linux.slice_mib=64",
        "guests.linux.swap_mib=512",
        "guests.linux.programs=true",
        'guests.linux.allow=["oom"]',
    ]
    guest = LiveGuest(testbeds.get("default", overrides).guests["linux"])
    with bare(guest):
        guest.set_slice(64)
        yield Bare(guest, Corpus.load(existing().corpus.path))


def test_each_technique_does_its_part_in_little_memory_and_leaves(in_slice: Bare) -> None:
    for name in ("zram", "mem-compress"):
        took = in_slice.use(name, mib=TOO_MUCH_MIB)
        assert took.latency is not None
        assert took.latency.count == took.done
    in_slice.use("ksm", mib=FITS_MIB)
    # Not so much that Linux refuses to promise it.
    one, setup = technique("kill"), Setup(seed=7, mib=KILLED_MIB, corpus=in_slice.corpus)
    with one.on(in_slice.guest) as active:
        with pytest.raises(GuestError):
            workload("memload").start(in_slice.guest, setup)
        assert active.count > 0
    assert in_slice.left() == ""


@pytest.mark.slow
@pytest.mark.parametrize("name", [*NEEDS_DISK, *ABLATIONS])
def test_so_it_does_with_a_disk_and_with_parts_of_ours(name: str, with_disks: Bare) -> None:
    with_disks.use(name, mib=TOO_MUCH_MIB - 2 if name in NEEDS_DISK else TOO_MUCH_MIB)


@pytest.mark.slow
@pytest.mark.parametrize("load", PROGRAMS)
def test_a_real_program_gives_the_hosts_results_in_little_memory(
    load: str, with_disks: Bare
) -> None:
    with_disks.guest.set_slice(128)
    with_disks.use("none", load=load, mib=24, work=0.2)
    for name in ("zram", "mem-compress"):
        # A little less than it wants: under emulation zram in much less is a matter of hours.
        with_disks.guest.set_slice(52)
        with_disks.use(name, load=load, mib=24, work=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("pattern", Pattern)
def test_memory_is_whole_after_every_pattern_of_access(pattern: Pattern, in_slice: Bare) -> None:
    took = in_slice.use("mem-compress", load=f"memload-{pattern}", mib=TOO_MUCH_MIB)
    assert took.latency is not None
    assert took.latency.count == took.done


@pytest.mark.slow
def test_a_guest_without_the_disk_says_which_key_gives_it_one(in_slice: Bare) -> None:
    with pytest.raises(GuestError, match="programs = true"):
        workload("lua").start(in_slice.guest, Setup(seed=1, mib=1, corpus=in_slice.corpus))


@pytest.mark.slow
def test_a_program_for_another_machine_is_refused_by_name(with_disks: Bare) -> None:
    guest = with_disks.guest
    guest_run(guest, r"printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\76\0' > /tmp/other")
    with pytest.raises(GuestError, match="/tmp/other is for another machine"):
        require_arm64(guest, "/tmp/other")
