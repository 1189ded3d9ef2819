# SPDX-License-Identifier: GPL-2.0-or-later
"""The squeeze: which cells in which order, what is compared with what, and going on with a run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.deadline import DeadlineExceeded
from harness.errors import GuestError, ScenarioFailed, UsageError
from harness.report.figures import figures
from harness.report.run import load_run
from harness.report.runfolder import RunFolder
from harness.scenarios import squeeze as module
from harness.scenarios.bed import Shell
from harness.scenarios.compared import Squeeze
from harness.scenarios.content import Corpus
from harness.scenarios.context import Context
from harness.scenarios.schema import load_scenario
from harness.scenarios.squeeze import cells, squeeze
from harness.scenarios.workloads import Result
from tests.unit.fake_techniques import FakeTechnique, FakeWorkload
from tests.unit.simulated_bed import Done, SimBed, SimGuest, SimStats

STEP = Squeeze(
    do="squeeze",
    techniques=("none", "mem-compress"),
    ram=(100, 50),
    mib=20,
    repetitions=2,
    warm_ups=0,
    settle_s=0,
)


@dataclass
class Work:
    """Takes 2 s, and twice that where there is half the memory."""

    guest: SlicedGuest
    shell: Shell
    name: str = "memload"

    def work(self) -> Result:
        self.shell.run("work", timeout_s=600)
        if self.guest.mib == self.guest.kills_at:
            raise GuestError("killed")
        self.guest.works_done += 1
        return Result(1, "accesses", 4 if self.guest.mib < self.guest.memory_mib else 2, 1)

    def verify(self) -> int:
        if self.guest.mib == self.guest.dies_at:
            raise GuestError("killed while it was verified")
        return 100

    def stop(self) -> None: ...


@dataclass
class SlicedGuest(SimGuest):
    corpus: Corpus
    mib: int = 64
    kills_at: int = 0
    greed: int = 0
    dies_at: int = 0
    hangs_at: int = 0
    works_done: int = 0
    commands: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        SimGuest.__init__(self, self.corpus)

    def run(self, command: str, *, timeout_s: float) -> Done:
        if command == "work" and self.mib == self.hangs_at:
            time.sleep(timeout_s)
            raise DeadlineExceeded("waited for work to end")
        self.commands.append(f"{command} with {self.mib}")
        return Done(b"[1.0] watching")

    def restore(self) -> int:
        return 0

    def set_slice(self, mib: int) -> None:
        self.mib = mib

    def stats(self) -> SimStats:
        out = (self.memory_mib - self.mib) * 256
        return SimStats(nominal=self.memory_mib * 256 + self.greed, ballooned=out)


@pytest.fixture
def guest(monkeypatch: pytest.MonkeyPatch) -> SlicedGuest:
    monkeypatch.setattr(module, "technique", FakeTechnique)
    guest = SlicedGuest(Corpus({}))
    of_guest = FakeWorkload(lambda limited: Work(guest, limited.shell))
    monkeypatch.setattr(module, "workload", lambda name: of_guest)
    return guest


@contextmanager
def context(guest: SlicedGuest, tmp_path: Path, *, resume: bool = False) -> Iterator[Context]:
    with RunFolder("x", seed=1, out=tmp_path / "run", resume=resume) as folder:
        yield Context(SimBed(guest, tmp_path), folder, "default", 1, guest.corpus, [guest])


def test_every_second_repetition_goes_the_other_way() -> None:
    first, second = cells(STEP)
    order = [("none", 100), ("mem-compress", 100), ("none", 50), ("mem-compress", 50)]
    assert [(c.technique, c.ram) for c in first] == order
    assert [(c.technique, c.ram) for c in second] == order[::-1]
    assert [c.order for c in second] == [0, 1, 2, 3]


def test_what_it_is_compared_with_is_measured_even_if_nobody_asked() -> None:
    (only,) = cells(Squeeze(do="squeeze", techniques=("zram",), ram=(50,), mib=20))
    assert [(c.technique, c.ram) for c in only] == [("none", 100), ("zram", 50)]


def test_slowdown_is_over_the_same_work_with_all_of_the_memory(
    guest: SlicedGuest, tmp_path: Path
) -> None:
    with context(guest, tmp_path) as ctx:
        squeeze(ctx, STEP)
    run = load_run(tmp_path / "run")
    found = {
        (m.labels["technique"], m.labels["ram"]): m.value
        for m in run.metrics
        if m.name == "slowdown"
    }
    assert found == {("none", 50): 1.0, ("mem-compress", 100): 0.0, ("mem-compress", 50): 1.0}
    (figure,) = (f for f in figures(run) if f.bar.name == "slowdown_50")
    assert (figure.value, figure.met) == (1.0, False)
    assert guest.mib == guest.memory_mib


def test_who_is_killed_has_no_slowdown_and_is_told(guest: SlicedGuest, tmp_path: Path) -> None:
    guest.kills_at = 32
    with context(guest, tmp_path) as ctx:
        squeeze(ctx, STEP)
    run = load_run(tmp_path / "run")
    assert {m.labels["ram"] for m in run.metrics if m.name == "slowdown"} == {100}
    died = [m for m in run.metrics if m.name == "survived" and not m.value]
    assert {(m.labels["technique"], m.labels["ram"]) for m in died} == {
        ("none", 50),
        ("mem-compress", 50),
    }


def test_what_does_not_live_with_all_of_its_memory_is_no_result(
    guest: SlicedGuest, tmp_path: Path
) -> None:
    guest.kills_at = guest.memory_mib
    with pytest.raises(ScenarioFailed, match="nothing to compare"), context(guest, tmp_path) as ctx:
        squeeze(ctx, STEP)
    guest.kills_at = 0
    with context(guest, tmp_path, resume=True) as ctx:
        squeeze(ctx, STEP)
    assert any(m.name == "slowdown" for m in load_run(tmp_path / "run").metrics)


def test_work_is_steady_when_it_is_timed(guest: SlicedGuest, tmp_path: Path) -> None:
    step = STEP.model_copy(update={"ram": (100,), "repetitions": 1, "warm_ups": 2})
    with context(guest, tmp_path) as ctx:
        squeeze(ctx, step)
    # By each technique: twice before it rests, once when it wakes, and once in steady work.
    assert guest.works_done == 2 * 4
    timed = [m for m in load_run(tmp_path / "run").metrics if m.name == "work_s"]
    assert len(timed) == 2


def test_a_technique_is_counted_once_in_each_cell(guest: SlicedGuest, tmp_path: Path) -> None:
    guest.dies_at = 32
    with context(guest, tmp_path) as ctx:
        squeeze(ctx, STEP)
    run = load_run(tmp_path / "run")
    assert sum(m.name == "technique_count" for m in run.metrics) == 8
    assert sum(m.name == "survived" and not m.value for m in run.metrics) == 4


def test_who_holds_more_than_its_share_is_not_quick(guest: SlicedGuest, tmp_path: Path) -> None:
    guest.greed = 250  # of 8192 that are half of its memory, 3 %; of all of it, 1.5 %
    with context(guest, tmp_path) as ctx:
        squeeze(ctx, STEP)
    run = load_run(tmp_path / "run")
    assert {m.labels["ram"] for m in run.metrics if m.name == "slowdown"} == {100}
    assert {m.value for m in run.metrics if m.name == "over_slice"} == {250}
    (figure,) = (f for f in figures(run) if f.bar.name == "slowdown_50")
    assert (figure.value, figure.why) == (None, "the guest held 1.0 MiB more than it may")
    assert all(m.value for m in run.metrics if m.name == "survived")


def test_what_never_ends_is_ended_and_told(guest: SlicedGuest, tmp_path: Path) -> None:
    guest.hangs_at = 32
    with context(guest, tmp_path) as ctx:
        squeeze(ctx, STEP.model_copy(update={"cell_s": 0.5, "repetitions": 1}))
    run = load_run(tmp_path / "run")
    assert {m.labels["ram"] for m in run.metrics if m.name == "slowdown"} == {100}
    late = [m for m in run.metrics if m.name == "unfinished"]
    assert [(m.value, m.labels["ram"]) for m in late] == [(0.5, 50)] * 2
    # It was neither killed nor did it live; and it had its memory when it was ended.
    assert {m.labels["ram"] for m in run.metrics if m.name == "survived"} == {100}
    ended = {c for c in guest.commands if "memload" in c}
    assert ended == {f"killall -q -9 memload; true with {guest.memory_mib}"}
    (figure,) = (f for f in figures(run) if f.bar.name == "slowdown_50")
    assert (figure.value, figure.why) == (None, "it did not finish in 0.5 s")


def test_a_command_that_exceeds_its_own_time_is_a_failure(
    guest: SlicedGuest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(command: str, *, timeout_s: float) -> Done:
        raise DeadlineExceeded("waited for work to end")

    monkeypatch.setattr(guest, "run", late)
    with pytest.raises(DeadlineExceeded), context(guest, tmp_path) as ctx:
        squeeze(ctx, STEP)


def interrupted(ctx: Context, guest: SlicedGuest) -> None:
    first = next(cells(STEP))[0]
    module._measure(ctx, STEP, guest, first)
    raise KeyboardInterrupt


def test_an_attempt_that_was_killed_is_gone_on_with(guest: SlicedGuest, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), context(guest, tmp_path) as ctx:
        interrupted(ctx, guest)
    assert guest.works_done == 2
    metrics = tmp_path / "run" / "metrics.jsonl"
    with metrics.open("a") as file:
        file.write('{"t_s": 1')  # cut off in the middle
    with context(guest, tmp_path, resume=True) as ctx:
        squeeze(ctx, STEP)
    assert guest.works_done == 16
    lines = metrics.read_text().splitlines()
    assert all(json.loads(line) for line in lines)
    assert sum('"work_s"' in line for line in lines) == 8


def all_but_the_end(ctx: Context) -> None:
    squeeze(ctx, STEP)
    assert ctx.active
    raise KeyboardInterrupt


def test_what_acted_in_an_earlier_attempt_has_acted(guest: SlicedGuest, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), context(guest, tmp_path) as ctx:
        all_but_the_end(ctx)
    with context(guest, tmp_path, resume=True) as ctx:
        squeeze(ctx, STEP)
        assert ctx.active
    assert guest.works_done == 16
    # Each cell but the one it is compared with, in both repetitions, once.
    told = [m for m in load_run(tmp_path / "run").metrics if m.name == "slowdown"]
    assert len(told) == 2 * 3


@pytest.mark.parametrize(("scenario", "seed"), [("y", 1), ("x", 2)])
def test_only_the_same_run_is_gone_on_with(tmp_path: Path, scenario: str, seed: int) -> None:
    with pytest.raises(KeyboardInterrupt), RunFolder("x", seed=1, out=tmp_path / "run"):
        raise KeyboardInterrupt
    with pytest.raises(UsageError, match="this is a run of x with seed 1"):
        RunFolder(scenario, seed=seed, out=tmp_path / "run", resume=True)


def test_a_run_that_came_to_its_end_is_not_gone_on_with(tmp_path: Path) -> None:
    with RunFolder("x", seed=1, out=tmp_path / "run"):
        pass
    with pytest.raises(UsageError, match="come to its end"):
        RunFolder("x", seed=1, out=tmp_path / "run", resume=True)


def test_another_build_is_another_run(tmp_path: Path) -> None:
    def attempt(xen: str, *, resume: bool) -> None:
        with RunFolder("x", seed=1, out=tmp_path / "run", resume=resume) as folder:
            folder.describe(hashes={"xen": xen})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt("aa", resume=False)
    with pytest.raises(KeyboardInterrupt):
        attempt("aa", resume=True)
    with pytest.raises(UsageError, match="xen is another"):
        attempt("bb", resume=True)


@pytest.mark.parametrize("name", ["quick", "squeeze"])
def test_the_shipped_ones_know_what_they_name(name: str) -> None:
    assert load_scenario(name).name == name


def test_an_unknown_technique_is_told_with_its_place() -> None:
    with pytest.raises(UsageError, match="no technique 'zrma': one of") as caught:
        load_scenario("quick", ['squeeze.techniques=["none", "zrma"]'])
    assert "steps.0.squeeze.techniques.1" in caught.value.where
