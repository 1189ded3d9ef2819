# SPDX-License-Identifier: GPL-2.0-or-later
"""VMs that fit: who makes room, when it is over, and that only what is whole counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.errors import GuestError, ScenarioFailed, UsageError
from harness.report.figures import figures
from harness.report.run import load_run
from harness.report.runfolder import RunFolder
from harness.scenarios import hosted, storms
from harness.scenarios.compared import BootStorm, Hosted, PressureStorm
from harness.scenarios.content import Corpus
from harness.scenarios.context import Context
from harness.scenarios.hosted import host
from harness.scenarios.storms import boot_storm, pressure_storm
from harness.scenarios.workloads import Result
from tests.unit.fake_techniques import FakeTechnique, FakeWorkload
from tests.unit.simulated_bed import Done, SimBed, SimGuest, SimStats

MIB = 256
STEP = Hosted(do="hosted", techniques=("none", "mem-compress"), mib=20, verify_every=2, settle_s=0)


@dataclass
class Tenant(SimGuest):
    """Holds 64 MiB, or 30 once it was compressed; under 44 MiB its workload dies."""

    name: str = ""
    corpus: Corpus = field(default_factory=lambda: Corpus({}))
    mib: int = 64
    dies: bool = False

    def __post_init__(self) -> None:
        called = self.name
        SimGuest.__init__(self, self.corpus)
        self.name = called
        self.done = 0

    def run(self, command: str, *, timeout_s: float) -> Done:
        return Done(b"some avg10=0 total=0\nfull avg10=0 total=0\noom_kill 0\n")

    def stats(self) -> SimStats:
        out = (64 - self.mib) * MIB
        if self.done:
            return SimStats(committed=self.done, nominal=64 * MIB, compressed=out, zero=out)
        return SimStats(nominal=64 * MIB, ballooned=out)

    def compress(self, *, min_age: int = 0, max_pages: int = 0) -> int:
        self.mib, self.done = 30, 8000
        return 8000

    def sweep(self) -> None: ...

    def set_slice(self, mib: int) -> None:
        self.mib = mib


@dataclass
class Board(SimBed):
    """400 MiB of frames for guests."""

    startable: Sequence[str] = tuple(f"g{n}" for n in range(20))
    running: dict[str, Tenant] = field(default_factory=dict)
    sick: str = ""
    config: Mapping[str, Any] = field(
        default_factory=lambda: {"guests": {f"g{n}": {"memory_mib": 64} for n in range(20)}}
    )

    def start(self, *names: str, controlled: bool = True) -> list[SimGuest]:
        for name in names:
            self.running[name] = Tenant(name, dies=name == self.sick)
        return [self.running[name] for name in names]

    def stop(self, *names: str) -> None:
        self.running = {n: t for n, t in self.running.items() if n not in names}

    @contextmanager
    def observing(self) -> Iterator[Any]:
        free = 400 - sum(tenant.mib for tenant in self.running.values())
        yield SimpleNamespace(look=lambda: SimpleNamespace(free=free * MIB))


@dataclass
class Work:
    guest: Tenant
    name: str = "memload"

    def work(self) -> Result:
        if self.guest.mib < 44:
            raise GuestError("killed", where=self.guest.name)
        return Result(1, "accesses", 1, 1)

    def verify(self) -> int:
        if self.guest.dies:
            raise GuestError("no memload", where=self.guest.name)
        return 10

    def stop(self) -> None: ...


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Board:
    monkeypatch.setattr(hosted, "technique", FakeTechnique)
    monkeypatch.setattr(storms, "technique", FakeTechnique)
    monkeypatch.setattr(hosted, "workload", lambda name: FakeWorkload(Work))
    return Board(Tenant("linux"), tmp_path)


@contextmanager
def context(board: Board, tmp_path: Path) -> Iterator[Context]:
    with RunFolder("x", seed=1, out=tmp_path / "run") as folder:
        yield Context(board, folder, "crowd", 1, Corpus({}), [])


def counted(tmp_path: Path, name: str = "guests_hosted") -> dict[Any, Any]:
    run = load_run(tmp_path / "run")
    return {m.labels["technique"]: m for m in run.metrics if m.name == name}


def test_compression_makes_room_and_the_ratio_is_over_none(board: Board, tmp_path: Path) -> None:
    with context(board, tmp_path) as ctx:
        host(ctx, STEP)
    found = counted(tmp_path)
    # One more is started while 70 MiB are free of 400, which each of the others has 64 of, or 30.
    assert found["none"].value == 6
    assert found["mem-compress"].value == 12
    assert "no room" in found["none"].labels["why"]
    (figure,) = (f for f in figures(load_run(tmp_path / "run")) if "hosted" in f.bar.name)
    assert figure.value == 2.0
    assert not board.running


def test_what_works_in_the_guest_gets_a_step_more_than_the_smallest_slice(
    board: Board, tmp_path: Path
) -> None:
    with context(board, tmp_path) as ctx:
        host(ctx, STEP.model_copy(update={"techniques": ("zram",)}))
    zram = counted(tmp_path)["zram"]
    assert zram.labels["slice_mib"] == 44 + 4
    assert zram.value == 7  # of 400 MiB, while there are 70 for the next


def test_guests_count_that_were_whole_together(board: Board, tmp_path: Path) -> None:
    board.sick = "g4"
    with context(board, tmp_path) as ctx:
        host(ctx, STEP)
    found = counted(tmp_path)["mem-compress"]
    assert found.value == 4
    assert "no memload" in found.labels["why"]


def test_a_profile_without_guests_to_start_is_told(board: Board, tmp_path: Path) -> None:
    board.startable = ()
    with context(board, tmp_path) as ctx, pytest.raises(UsageError, match="profile crowd has no"):
        host(ctx, STEP)


def test_guests_that_boot_together_take_turns_with_and_without(
    board: Board, tmp_path: Path
) -> None:
    with context(board, tmp_path) as ctx:
        boot_storm(ctx, BootStorm(do="boot-storm", count=3, repetitions=2))
    run = load_run(tmp_path / "run")
    order = [
        (m.labels["technique"], m.labels["order"]) for m in run.metrics if "boot_all" in m.name
    ]
    assert order == [("none", 0), ("mem-compress", 1), ("mem-compress", 0), ("none", 1)]


def test_a_storm_in_which_nobody_has_to_give_is_none(board: Board, tmp_path: Path) -> None:
    step = PressureStorm(do="pressure-storm", count=4, mib=20)
    with context(board, tmp_path) as ctx, pytest.raises(ScenarioFailed, match="nobody has to give"):
        pressure_storm(ctx, step)


def test_a_storm_needs_its_guests(board: Board, tmp_path: Path) -> None:
    step = PressureStorm(do="pressure-storm", count=21, mib=20)
    with context(board, tmp_path) as ctx, pytest.raises(UsageError, match="20 guests to start"):
        pressure_storm(ctx, step)
