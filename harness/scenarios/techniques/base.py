# SPDX-License-Identifier: GPL-2.0-or-later
"""What a technique is, and the state of a guest that all of them begin from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import ClassVar

from harness.errors import HarnessError
from harness.report.run import Scalar
from harness.report.runfolder import RunFolder
from harness.scenarios.bed import Guest
from harness.scenarios.driver import with_driver, without_driver
from harness.scenarios.load import guest_run

# Everything that a swap device holds comes back into memory, under emulation.
SWAPOFF_S = 300.0
# Linux's own defaults, for whoever has set others.
SWAPPINESS, PAGE_CLUSTER, SCALE = 60, 3, 10
# Of who swaps in a guest of some ten MiB: see ``swapping``.
SWAP_SCALE = 300
BOOST = "/proc/sys/vm/watermark_boost_factor"
# By the end of a counter's name; others are events.
UNITS = {"_pages": "pages", "_bytes": "bytes", "_us": "us"}


class Technique(ABC):
    """One way to do with less memory.

    name:    as in reports; an ablation is NAME:WHAT-IS-OFF
    prefix:  words before every command that starts a process of a workload
    counted: the counter that tells whether it did anything at all: ``technique_count``
    """

    prefix: ClassVar[tuple[str, ...]] = ()
    counted: ClassVar[str]

    @property
    @abstractmethod
    def name(self) -> str: ...

    def settings(self, guest: str) -> Mapping[str, Scalar]:
        """Keys of the profile that it needs for that guest: a killer may kill, say."""
        return {f"guests.{guest}.allow": '["oom"]'}

    @abstractmethod
    def set_up(self, guest: Guest) -> None:
        """Begin, in a guest that is ``bare``. Raises GuestError."""

    @abstractmethod
    def tear_down(self, guest: Guest) -> None:
        """Make the guest bare again; the workload has ended. Raises GuestError."""

    @abstractmethod
    def counters(self, guest: Guest) -> dict[str, int]:
        """What it has counted, by name: pages, events, and ``NAME_bytes``, ``NAME_us``."""

    @contextmanager
    def on(self, guest: Guest) -> Iterator[Active]:
        """Have it set up for as long as the block runs."""
        before = self.counters(guest)
        try:
            self.set_up(guest)
            yield Active(self, guest, before)
        except BaseException:
            # What went wrong first is what is told.
            with suppress(HarnessError):
                self.tear_down(guest)
            raise
        self.tear_down(guest)


@dataclass(frozen=True, slots=True)
class Active:
    """A technique that is set up in a guest."""

    technique: Technique
    guest: Guest
    before: Mapping[str, int]

    def counters(self) -> dict[str, int]:
        """What its counters have counted since it was set up."""
        now = self.technique.counters(self.guest)
        return {name: value - self.before.get(name, 0) for name, value in now.items()}

    @property
    def count(self) -> int:
        """Its own counter: 0 says that it did nothing."""
        return self.counters()[self.technique.counted]


@contextmanager
def bare(guest: Guest) -> Iterator[None]:
    """A guest without the driver, its controller at rest; afterwards as its image had it.

    At rest the controller holds nothing and looks for nothing: what it still costs is
    ``idle_overhead``.
    """
    without_driver(guest)
    rest(guest)
    boost = boost_watermarks(guest, "0")
    try:
        yield
    except BaseException:
        with suppress(HarnessError):
            _as_its_image(guest, boost)
        raise
    _as_its_image(guest, boost)


def _as_its_image(guest: Guest, boost: str) -> None:
    boost_watermarks(guest, boost)
    if guest.compression.enabled:
        guest.controller.set(guest.compression)
        with_driver(guest)


def rest(guest: Guest) -> None:
    """Have the controller give everything back, and age nothing."""
    if guest.compression.enabled:
        guest.controller.set(replace(guest.compression, sweep_ms=0))
        guest.controller.restore()


def boost_watermarks(guest: Guest, factor: str) -> str:
    """By how much Linux raises its watermarks for a while whenever memory is fragmented; what it
    was before. In guests as small as these that is a tenth of their memory, taken from whichever
    technique is at work."""
    words = f"cat {BOOST} && echo {factor} > {BOOST}"
    return guest_run(guest, words).decode(errors="replace").strip()


def swapping(guest: Guest, *, swappiness: int, page_cluster: int, scale: int = SCALE) -> None:
    """How gladly Linux swaps, how many pages (as a power of two) it reads at once, and how early.

    scale: parts in 10 000 of memory between the watermarks. With Linux's default kswapd has 40 KiB
        of 40 MiB for itself, and whoever takes memory fast is killed with the swap device empty:
        Android raises it, and so does everyone here who swaps.
    """
    words = f"echo {swappiness} > /proc/sys/vm/swappiness;"
    words += f" echo {scale} > /proc/sys/vm/watermark_scale_factor;"
    guest_run(guest, f"{words} echo {page_cluster} > /proc/sys/vm/page-cluster")


def read_vmstat(guest: Guest, *names: str) -> dict[str, int]:
    """Counters of /proc/vmstat; 0 for one that this kernel does not have."""
    lines = guest_run(guest, "cat /proc/vmstat").decode().splitlines()
    found = dict(line.split() for line in lines)
    return {name: int(found.get(name, 0)) for name in names}


def record(folder: RunFolder, guest: Guest, active: Active, **labels: Scalar) -> dict[str, int]:
    """Write what a technique counted as metrics: ``technique_count``, and ``technique_NAME``."""
    counters = active.counters()
    labels = {"technique": active.technique.name, "guest": guest.name, **labels}
    folder.metric("technique_count", counters[active.technique.counted], "events", **labels)
    for name, value in counters.items():
        unit = next((unit for end, unit in UNITS.items() if name.endswith(end)), "events")
        folder.metric(f"technique_{name}", value, unit, **labels)
    return counters
