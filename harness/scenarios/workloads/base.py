# SPDX-License-Identifier: GPL-2.0-or-later
"""What a workload is, and what comes of its work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

from harness.errors import HarnessError
from harness.report.histogram import Histogram
from harness.report.run import Scalar
from harness.report.runfolder import RunFolder
from harness.scenarios.bed import Guest
from harness.scenarios.content import Corpus


@dataclass(frozen=True, slots=True)
class Setup:
    """What a workload is started with.

    seed: all that it does follows from it
    mib:  about so much memory it holds
    work: how much it does at a time, 1.0 being some seconds of an emulated processor
    """

    seed: int
    mib: int
    corpus: Corpus
    work: float = 1.0


@dataclass(frozen=True, slots=True)
class Result:
    """What one go at the work took.

    done:    so many of ``unit``
    ticks:   of the guest's counter, of which there are ``ticks_hz`` in a second
    latency: of each of them, in ticks, where each is timed
    """

    done: int
    unit: str
    ticks: int
    ticks_hz: int
    latency: Histogram | None = None

    @property
    def seconds(self) -> float:
        """By the guest's counter."""
        return self.ticks / self.ticks_hz

    def record_latency(self, folder: RunFolder, name: str, **labels: Scalar) -> None:
        """The histogram, if there is one, in nanoseconds (instructions where they count)."""
        if self.latency is not None:
            folder.histogram(name, self.latency, "ns", scale=1e9 / self.ticks_hz, **labels)


class Running(Protocol):
    """A workload that was started in a guest."""

    @property
    def name(self) -> str: ...

    def work(self) -> Result:
        """Do the work once; every call does the same. Raises GuestError."""
        ...

    def verify(self) -> int:
        """Check all that it holds with what the host knows; pages or objects checked.

        Raises ScenarioFailed naming what differs.
        """
        ...

    def stop(self) -> None:
        """End it; its memory is the guest's again."""
        ...


class Workload(Protocol):
    """Something to run in a guest."""

    @property
    def name(self) -> str: ...

    def settings(self, guest: str) -> Mapping[str, Scalar]:
        """Keys of the profile that it needs for that guest: a disk with its program, say."""
        ...

    def start(self, guest: Guest, setup: Setup, *, prefix: Sequence[str] = ()) -> Running:
        """Start it and have it fill its memory. Raises GuestError.

        prefix: words of the technique before each command that starts a process
        """
        ...


@contextmanager
def stopped_on_error(work: Running) -> Iterator[None]:
    """Whatever the block raises, the workload is stopped first: it may be what was killed."""
    try:
        yield
    except BaseException:
        with suppress(HarnessError):
            work.stop()
        raise


@contextmanager
def running(
    workload: Workload, guest: Guest, setup: Setup, *, prefix: Sequence[str] = ()
) -> Iterator[Running]:
    """Have a workload run for as long as the block does."""
    work = workload.start(guest, setup, prefix=prefix)
    with stopped_on_error(work):
        yield work
    work.stop()
