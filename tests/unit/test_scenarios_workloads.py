# SPDX-License-Identifier: GPL-2.0-or-later
"""Workloads: what memload accesses, what it says of it, and what is done with that."""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from harness.errors import GuestError, UsageError
from harness.paths import repo_root
from harness.report.histogram import BUCKETS, Histogram
from harness.scenarios.content import ContentClass, Corpus
from harness.scenarios.workloads import WORKLOADS, Pattern, Setup, workload
from harness.scenarios.workloads.lua import Heap, value
from harness.scenarios.workloads.memload import parse_access
from harness.scenarios.workloads.programs import parse_numbers, pieces, require_arm64
from harness.scenarios.workloads.sqlite import digest_of_rows, work
from harness.scenarios.workloads.stress import parse_metrics
from harness.scenarios.workloads.text import NO_TEXT, digest_of_sorted, text_of
from harness.scenarios.workloads.valkey import chained, record
from tests.unit.simulated_bed import Done, SimGuest

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


def test_ask_times_an_answer_until_its_dot_and_knows_who_is_gone(
    memload: Path, tmp_path: Path
) -> None:
    into, out = tmp_path / "in", tmp_path / "out"
    for fifo in (into, out):
        os.mkfifo(fifo)
    script = 'while read -r line; do sleep 0.05; echo "got $line"; echo .; done'
    server = subprocess.Popen(["sh", "-c", f"exec 0<> {into} 1<> {out}; {script}"])
    ask = [str(memload), "ask", "--in", str(into), "--out", str(out), "--", "hello"]
    done = subprocess.run(ask, capture_output=True)
    while done.returncode:  # it has not opened them yet
        assert server.poll() is None
        done = subprocess.run(ask, capture_output=True)
    numbers, text = parse_numbers(done.stdout, ("hz", "ticks"), where="host")
    assert text == "got hello"
    assert numbers["ticks"] / numbers["hz"] > 0.05
    server.kill()
    server.wait()
    done = subprocess.run(ask, capture_output=True)
    assert (done.returncode, done.stdout) == (1, b"")


def test_what_memload_does_not_say_is_an_error() -> None:
    for output in (b"", b"hz 5\n", b"hz 5\nticks x\n", b"ticks 5\nhz 5\n"):
        with pytest.raises(GuestError, match="not what memload says"):
            parse_numbers(output, ("hz", "ticks"), where="lua")


def test_the_heap_on_the_host_changes_with_its_work() -> None:
    heap = Heap()
    heap.fill(5, 100)
    before, links = heap.sum(), list(heap.links)
    first = heap.work(5, 1000)
    assert heap.sum() != before
    assert heap.links == links  # objects that were replaced live on where they are linked to
    assert heap.work(5, 1000) != first
    assert value(0x12345) == heap_value_by_hand(0x12345)


def heap_value_by_hand(key: int) -> int:
    text = f"object {key} of {key * 7919 & 0x7FFFFFFF:x}"
    weight = key / 2
    total = key + len(text) + weight * 2
    for byte in (0x45, 0x23, 0x01):
        total = total * 31 + byte
    return int(total) & 0x7FFFFFFF


def test_requests_are_no_longer_than_a_command_may_be() -> None:
    lines = work(seed=1, rows=30_000, statements=240)
    asked = list(pieces(lines))
    assert [line for piece in asked for line in piece] == lines
    assert 1 < len(asked) < 10
    assert all(len(shlex.join(piece)) < 9000 - 200 for piece in asked)
    assert list(pieces(["one"])) == [["one"]]


def test_the_digest_of_rows_is_the_one_of_sqlites_shell() -> None:
    rows = [(1, -5, "ä"), (2, 1 << 40, "")]
    # sqlite3 3.40 said so of a table of these rows.
    expected = "1582491E8D4C7493370A1583F0E0EC01AA698722E39E7DBB814EF061B0C5C7CF"
    assert digest_of_rows("SELECT * FROM t", rows) == expected


def test_records_of_the_server_differ_and_their_digest_is_of_all() -> None:
    assert len({record(7, i) for i in range(50)}) == 50
    assert chained(7, 3) != chained(7, 2) != chained(8, 2)


def test_what_is_sorted_is_text_and_its_digest_is_that_of_sort(tmp_path: Path) -> None:
    words = b"".join(b"line %d of a file\n" % (i * 7919 % 1000) for i in range(2000))
    corpus = Corpus({ContentClass.TEXT: np.frombuffer(words, dtype=np.uint8)})
    pages, text = text_of(Setup(seed=3, mib=1, corpus=corpus))
    assert pages == 102
    assert not NO_TEXT.search(text)
    (tmp_path / "in").write_bytes(text)
    env = os.environ | {"LC_ALL": "C"}
    done = subprocess.run(["sort", tmp_path / "in"], capture_output=True, check=True, env=env)
    assert hashlib.md5(done.stdout).hexdigest() == digest_of_sorted(text)


def test_stress_ng_that_did_nothing_is_no_result() -> None:
    metrics = "metrics:\n    - stressor: vm\n      bogo-ops: 200000\n"
    assert parse_metrics(metrics, where="linux") == 200_000
    for text in ("", metrics.replace("200000", "0")):
        with pytest.raises(GuestError, match="did nothing"):
            parse_metrics(text, where="linux")


@pytest.mark.parametrize(
    ("head", "message"),
    [(b"\x7fELF\x02\x01" + bytes(12) + b"\x3e\x00", "another machine"), (b"MZ", "no program")],
)
def test_a_binary_that_is_not_arm64_is_refused_by_name(head: bytes, message: str) -> None:
    class Holding(SimGuest):
        def run(self, command: str, *, timeout_s: float) -> Done:
            return Done(head)

    with pytest.raises(GuestError, match=f"/bin/thing is .*{message}"):
        require_arm64(Holding(Corpus({})), "/bin/thing")
    head = b"\x7fELF\x02\x01" + bytes(12) + b"\xb7\x00"
    require_arm64(Holding(Corpus({})), "/bin/thing")
