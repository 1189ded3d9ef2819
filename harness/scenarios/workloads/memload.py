# SPDX-License-Identifier: GPL-2.0-or-later
"""memload at work: known content, accessed in a pattern, every access timed.

``guest-drivers/tools/access.c`` carries the accesses out and keeps the histogram; it comes back
over memload's own socket.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.errors import GuestError
from harness.report.histogram import BUCKETS, Histogram
from harness.report.run import Scalar
from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass
from harness.scenarios.load import Load
from harness.scenarios.workloads.base import Result, Setup, stopped_on_error

PAGES_PER_MIB = 256
# Each a word of a page: memory that is there gives a million in some seconds.
ACCESSES = 1_000_000
# One in three, as in mixes of YCSB and of mobile applications alike.
WRITES = 33
IDLE_MS = 5_000


class Pattern(enum.StrEnum):
    """In which order pages are accessed: enum access_pattern of access.h."""

    SEQUENTIAL = "sequential"
    RANDOM = "random"
    ZIPF = "zipf"
    PHASE_CHANGE = "phase-change"
    IDLE_THEN_WAKE = "idle-then-wake"


@dataclass(frozen=True, slots=True)
class Memload:
    """memload with a content and a pattern.

    Without a pattern of its own it is the headline workload: the mix, by zipf.
    """

    content: ContentClass = ContentClass.MIX
    pattern: Pattern | None = None
    writes: int = WRITES
    idle_ms: int = IDLE_MS
    called: str = ""

    @property
    def name(self) -> str:
        if self.called:
            return self.called
        return f"memload-{self.pattern}" if self.pattern else "memload"

    def settings(self, guest: str) -> Mapping[str, Scalar]:
        return {}

    def start(self, guest: Guest, setup: Setup, *, prefix: Sequence[str] = ()) -> RunningMemload:
        load = Load.start(
            guest,
            name=self.name,
            content=self.content,
            seed=setup.seed,
            pages=setup.mib * PAGES_PER_MIB,
            corpus=setup.corpus,
            prefix=prefix,
        )
        running = RunningMemload(self, load, max(1, int(ACCESSES * setup.work)))
        with stopped_on_error(running):
            load.fill(1)
        return running


@dataclass(slots=True)
class RunningMemload:
    """A memload whose pages have their content."""

    workload: Memload
    load: Load
    accesses: int

    @property
    def name(self) -> str:
        return self.workload.name

    def work(self) -> Result:
        pattern = self.workload.pattern or Pattern.ZIPF
        count = self.accesses
        if pattern is Pattern.IDLE_THEN_WAKE:
            count = min(count, self.load.count)  # each page once: after that all are awake
        workload = self.workload
        request = ("access", pattern, count, self.load.seed, workload.writes, workload.idle_ms)
        return parse_access(self.load.ctl(*request), where=f"{self.load.guest.name}, {self.name}")

    def verify(self) -> int:
        return self.load.verify(self.load.seed)

    def stop(self) -> None:
        self.load.stop()


def parse_access(answer: bytes, *, where: str) -> Result:
    """From struct access_result. Raises GuestError when it is none."""
    numbers = np.frombuffer(answer, dtype="<u8") if len(answer) % 8 == 0 else np.empty(0)
    if numbers.size != 5 + BUCKETS:
        raise GuestError(f"{len(answer)} bytes are no result of accesses", where=where)
    hz, ticks, count, total, maximum, *buckets = map(int, numbers)
    if not hz or sum(buckets) != count:
        raise GuestError(f"{count} accesses and {sum(buckets)} in the histogram", where=where)
    return Result(count, "accesses", ticks, hz, Histogram(count, total, maximum, buckets))
