# SPDX-License-Identifier: GPL-2.0-or-later
"""Workloads: what memload accesses, what it says of it, and what is done with that."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from harness.errors import GuestError, UsageError
from harness.paths import repo_root
from harness.report.histogram import BUCKETS, Histogram
from harness.scenarios.workloads import WORKLOADS, Pattern, workload
from harness.scenarios.workloads.memload import parse_access

PAGES = 400
COUNT = 20_000


@pytest.fixture(scope="module")
def memload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("memload")
    source = repo_root() / "guest-drivers" / "tools"
    make = ["make", "-s", f"OUT={out}", "CC=cc"]
    subprocess.run(make, cwd=source, check=True, capture_output=True)
    return out / "memload"


@pytest.fixture
def serving(memload: Path, tmp_path: Path) -> Iterator[Callable[..., bytes]]:
    socket = tmp_path / "s"
    words = [
        str(memload),
        "serve",
        "--socket",
        str(socket),
        "--class",
        "random",
        "--pages",
        str(PAGES),
    ]
    daemon = subprocess.Popen(words)

    def ctl(*request: object) -> bytes:
        argv = [str(memload), "ctl", "--socket", str(socket), *map(str, request)]
        return subprocess.run(argv, check=True, capture_output=True).stdout

    while not socket.exists():
        assert daemon.poll() is None
    yield ctl
    ctl("exit")
    assert daemon.wait(10) == 0


def accesses(memload: Path, pattern: Pattern, *, seed: int = 5, count: int = COUNT) -> np.ndarray:
    argv = [str(memload), "accesses", "--pattern", pattern, "--seed", str(seed)]
    argv += ["--count", str(count), "--pages", str(PAGES)]
    found = subprocess.run(argv, check=True, capture_output=True).stdout
    return np.frombuffer(found, dtype=np.uint32)


def test_sequential_is_in_order(memload: Path) -> None:
    found = accesses(memload, Pattern.SEQUENTIAL, count=2 * PAGES)
    assert found.tolist() == [*range(PAGES), *range(PAGES)]


def test_random_takes_every_page_about_as_often(memload: Path) -> None:
    counts = np.bincount(accesses(memload, Pattern.RANDOM), minlength=PAGES)
    assert counts.size == PAGES
    assert 20 <= counts.min() <= counts.max() <= 90  # 50 each


def test_zipf_takes_the_page_of_rank_k_with_one_kth_of_the_share(memload: Path) -> None:
    counts = np.sort(np.bincount(accesses(memload, Pattern.ZIPF), minlength=PAGES))[::-1]
    whole = sum(1 / k for k in range(1, PAGES + 1))
    for rank in (1, 2, 4, 8):
        assert counts[rank - 1] == pytest.approx(COUNT / rank / whole, rel=0.15)


def test_another_seed_has_another_hottest_page(memload: Path) -> None:
    hottest = {int(np.bincount(accesses(memload, Pattern.ZIPF, seed=s)).argmax()) for s in range(8)}
    assert len(hottest) > 4


def test_a_phase_keeps_to_its_quarter(memload: Path) -> None:
    found = accesses(memload, Pattern.PHASE_CHANGE).reshape(4, -1)
    for number, phase in enumerate(found):
        assert set(phase // (PAGES // 4)) == {number}


def test_who_wakes_takes_every_page_once(memload: Path) -> None:
    found = accesses(memload, Pattern.IDLE_THEN_WAKE, count=PAGES)
    assert sorted(found.tolist()) == list(range(PAGES))
    assert found.tolist() != sorted(found.tolist())


@pytest.mark.parametrize("pattern", list(Pattern))
def test_accesses_are_counted_and_change_nothing(
    serving: Callable[..., bytes], pattern: Pattern
) -> None:
    serving("fill", 3)
    before = serving("digest", 1)
    result = parse_access(serving("access", pattern, PAGES, 7, 50, 10), where="host")
    assert (result.done, result.unit) == (PAGES, "accesses")
    assert result.latency is not None
    assert result.latency.count == PAGES
    assert result.latency.total <= result.ticks
    mean = sum(b * n for b, n in zip(_middles(), result.latency.buckets, strict=True)) / PAGES
    assert mean == pytest.approx(result.latency.mean, rel=0.05)
    assert serving("digest", 2) == before


def _middles() -> list[float]:
    from harness.report.histogram import bucket_middle

    return [bucket_middle(bucket) for bucket in range(BUCKETS)]


def test_a_pattern_that_is_none_is_refused(memload: Path, serving: Callable[..., bytes]) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        serving("access", "sideways", 1, 1, 0, 0)
    argv = [str(memload), "accesses", "--pattern", "sideways", "--pages", "1", "--count", "1"]
    assert subprocess.run(argv, capture_output=True).returncode == 2


def test_half_an_answer_is_no_result() -> None:
    with pytest.raises(GuestError, match="no result of accesses"):
        parse_access(bytes(80), where="linux")
    lost = np.zeros(5 + BUCKETS, dtype=np.uint64)
    lost[:3] = 1, 1, 2
    with pytest.raises(GuestError, match="2 accesses and 0 in the histogram"):
        parse_access(lost.tobytes(), where="linux")


def test_run_says_what_a_program_took_and_how_it_ended(memload: Path, tmp_path: Path) -> None:
    result = tmp_path / "r"

    def run(*program: str) -> tuple[int, dict[str, int]]:
        done = subprocess.run([str(memload), "run", "--result", str(result), "--", *program])
        lines = (line.split() for line in result.read_text().splitlines())
        return done.returncode, {name: int(value) for name, value in lines}

    status, took = run("sh", "-c", "exit 3")
    assert (status, took["status"], took["signal"]) == (3, 3, 0)
    assert took["ticks"] > 0
    assert took["minor"] > 0
    status, took = run("sh", "-c", "kill -9 $$")
    assert (status, took["signal"]) == (137, 9)
    assert subprocess.run([memload, "run", "--", "/no/such"], capture_output=True).returncode == 126


def test_workloads_go_by_their_names() -> None:
    assert all(name == one.name for name, one in WORKLOADS.items())
    assert workload("memload-zipf").name == "memload-zipf"
    with pytest.raises(UsageError, match="no workload 'memlaod'"):
        workload("memlaod")


def test_the_histogram_of_the_guest_is_that_of_the_report() -> None:
    values = [0, 15, 16, 17, 1000, 1 << 33]
    numbers = np.zeros(5 + BUCKETS, dtype=np.uint64)
    ours = Histogram.of(values)
    numbers[:5] = 1000, 10, ours.count, ours.total, ours.maximum
    numbers[5:] = ours.buckets
    assert parse_access(numbers.tobytes(), where="linux").latency == ours
