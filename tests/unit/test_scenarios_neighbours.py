# SPDX-License-Identifier: GPL-2.0-or-later
"""An idle guest beside a busy one: in turns, and what is said of both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.config.model import Compress
from harness.errors import ScenarioFailed, UsageError
from harness.report.run import load_run
from harness.report.runfolder import RunFolder
from harness.scenarios import neighbours
from harness.scenarios.compared import IdleNeighbour
from harness.scenarios.content import Corpus
from harness.scenarios.context import Context
from harness.scenarios.neighbours import idle_neighbour
from harness.scenarios.workloads import Result
from tests.unit.fake_techniques import FakeWorkload
from tests.unit.simulated_bed import Done, SimBed, SimGuest, SimStats

STEP = IdleNeighbour(do="idle-neighbour", mib=20, repetitions=2)


@dataclass
class Resident(SimGuest):
    """Compressed or not; nothing else happens in it."""

    called: str
    gains: bool = True
    compressed: bool = False
    hints: int = 0
    corpus: Corpus = field(default_factory=lambda: Corpus({}))

    def __post_init__(self) -> None:
        SimGuest.__init__(self, self.corpus)
        self.name = self.called

    def stats(self) -> SimStats:
        out = 5000 if self.compressed and self.gains else 0
        restores = {"hint": 5000 * self.hints}
        return SimStats(committed=out, compressed=out, zero=out, restores=restores)

    def compress(self, *, min_age: int = 0, max_pages: int = 0) -> int:
        self.compressed = True
        return 5000

    def run(self, command: str, *, timeout_s: float) -> Done:
        assert command == "echo all > /sys/kernel/xen_memcompress/restore"
        self.hints += 1
        self.compressed = False
        return Done()

    def restore(self) -> int:
        self.compressed = False
        return 0

    def set(self, setup: Compress) -> None: ...
    def sweep(self) -> None: ...


@dataclass
class Work:
    """Takes 10 s, and 11 beside a neighbour that is compressed."""

    guest: Resident
    idle: Resident
    name: str = "memload"

    def work(self) -> Result:
        return Result(1, "accesses", 11 if self.idle.compressed else 10, 1)

    def verify(self) -> int:
        return 10

    def stop(self) -> None: ...


@contextmanager
def context(tmp_path: Path, *guests: Resident) -> Iterator[Context]:
    with RunFolder("x", seed=1, out=tmp_path / "run") as folder:
        bed = SimBed(guests[0], tmp_path)
        yield Context(bed, folder, "default", 1, Corpus({}), guests)


def test_the_busy_one_is_slower_by_so_much(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    busy, idle = Resident("linux"), Resident("idle")
    monkeypatch.setattr(
        neighbours, "workload", lambda name: FakeWorkload(lambda guest: Work(guest, idle))
    )
    with context(tmp_path, busy, idle) as ctx:
        idle_neighbour(ctx, STEP)
        assert ctx.active
    run = load_run(tmp_path / "run")
    (slowdown,) = (m for m in run.metrics if m.name == "neighbour_slowdown")
    assert slowdown.value == pytest.approx(0.1)
    assert slowdown.labels["guest"] == "linux"
    took = [m.labels for m in run.metrics if m.name == "work_s"]
    assert [(labels["technique"], labels["order"]) for labels in took] == [
        ("none", 0),
        ("mem-compress", 1),
        ("mem-compress", 2),
        ("mem-compress", 0),
        ("mem-compress", 1),
        ("none", 2),
    ]
    assert [m.labels["hinted"] for m in run.metrics if m.name == "hint_s"] == [True, True]
    assert sum(m.name == "wake_slowdown_hinted" for m in run.metrics) == 1


def test_an_idle_guest_that_gives_nothing_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    busy, idle = Resident("linux"), Resident("idle", gains=False)
    monkeypatch.setattr(
        neighbours, "workload", lambda name: FakeWorkload(lambda guest: Work(guest, idle))
    )
    with context(tmp_path, busy, idle) as ctx, pytest.raises(ScenarioFailed, match="nothing was"):
        idle_neighbour(ctx, STEP)


def test_two_guests_are_wanted(tmp_path: Path) -> None:
    with context(tmp_path, Resident("linux")) as ctx, pytest.raises(UsageError, match="two guests"):
        idle_neighbour(ctx, STEP)
