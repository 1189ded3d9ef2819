# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's generator in C and the host's in Python give the same bytes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from harness.errors import SetupError
from harness.paths import repo_root
from harness.scenarios import content
from harness.scenarios.content import ContentClass, Corpus

COUNT = 200


@pytest.fixture(scope="module")
def memload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("memload")
    subprocess.run(
        ["make", "-s", f"OUT={out}", "CC=cc"],
        cwd=repo_root() / "guest-drivers" / "tools",
        check=True,
        capture_output=True,
    )
    return out / "memload"


@pytest.fixture(scope="module")
def corpus_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(1)
    # Odd sizes: the last slice must end inside the file.
    for name, size in (("text", 30_001), ("code", 4096), ("pointer", 70_063)):
        (folder / name).write_bytes(rng.integers(0, 256, size, dtype=np.uint8).tobytes())
    return folder


def run(memload: Path, verb: str, name: ContentClass, corpus: Path, pages: str) -> bytes:
    argv = [str(memload), verb, "--class", name, "--seed", "77", "--cycle", "3"]
    argv += ["--pages", pages, "--corpus", str(corpus)]
    return subprocess.run(argv, check=True, capture_output=True).stdout


@pytest.mark.parametrize("name", list(ContentClass))
def test_c_and_python_give_the_same_pages(
    memload: Path, corpus_dir: Path, name: ContentClass
) -> None:
    theirs = run(memload, "emit", name, corpus_dir, f"5..{COUNT}")
    indices = np.arange(5, COUNT, dtype=np.uint64)
    ours = content.pages(name, 77, 3, indices, Corpus.load(corpus_dir))
    assert theirs == ours.tobytes()


@pytest.mark.parametrize("name", list(ContentClass))
def test_c_and_python_give_the_same_digests(
    memload: Path, corpus_dir: Path, name: ContentClass
) -> None:
    theirs = np.frombuffer(run(memload, "expect", name, corpus_dir, str(COUNT)), dtype=np.uint64)
    ours = content.expected_digests(name, 77, 3, COUNT, Corpus.load(corpus_dir), chunk=64)
    assert np.array_equal(theirs, ours)


def test_c_and_python_give_the_same_values_of_functions(memload: Path, corpus_dir: Path) -> None:
    raw = run(memload, "expect-exec", ContentClass.MIX, corpus_dir, str(COUNT))
    ours = content.expected_exec_digests(ContentClass.MIX, 77, 3, COUNT)
    assert np.array_equal(np.frombuffer(raw, dtype=np.uint64), ours)
    assert np.count_nonzero(ours) == COUNT // 10


@pytest.mark.parametrize("name", [c for c in content.CLASSES if c is not ContentClass.ZERO])
def test_pages_are_unique_per_seed_cycle_and_index(corpus_dir: Path, name: ContentClass) -> None:
    corpus = Corpus.load(corpus_dir)
    digests = [
        content.expected_digests(name, seed, cycle, COUNT, corpus)
        for seed in (1, 2)
        for cycle in (0, 1)
    ]
    assert np.unique(np.concatenate(digests)).size == 4 * COUNT


def test_every_class_that_compresses_is_a_tenth_of_the_mix() -> None:
    numbers = content.class_numbers(ContentClass.MIX, np.arange(2000, dtype=np.uint64))
    counts = {c: int(np.count_nonzero(numbers == i)) for i, c in enumerate(content.CLASSES)}
    stored = 2000 - counts.pop(ContentClass.RANDOM)
    assert all(count >= stored / 10 for count in counts.values())


@pytest.mark.parametrize("bit", [0, 31, 63])
def test_the_digest_sees_every_flipped_bit(bit: int) -> None:
    page = np.zeros((1, content.PAGE_WORDS), dtype=np.uint64)
    seen = {int(content.digest_words(page)[0])}
    for word in range(content.PAGE_WORDS):
        page[0, word] = 1 << bit
        seen.add(int(content.digest_words(page)[0]))
        page[0, word] = 0
    assert len(seen) == content.PAGE_WORDS + 1


def test_touched_half_is_half_and_depends_on_the_seed() -> None:
    half = content.touched_half(9, 1001)
    assert half.size == 500
    assert np.unique(half).size == 500
    assert set(half.tolist()) != set(content.touched_half(10, 1001).tolist())


def test_a_missing_corpus_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="corpus"):
        Corpus.load(tmp_path)


def test_the_daemon_holds_what_the_host_expects(
    memload: Path, corpus_dir: Path, tmp_path: Path
) -> None:
    socket = tmp_path / "s"
    common = ["--class", "mix", "--seed", "77", "--pages", str(COUNT), "--corpus", str(corpus_dir)]
    daemon = subprocess.Popen([memload, "serve", "--socket", socket, "--threads", "2", *common])

    def ctl(*request: str) -> bytes:
        argv = [str(memload), "ctl", "--socket", str(socket), *request]
        return subprocess.run(argv, check=True, capture_output=True).stdout

    try:
        while not socket.exists():
            assert daemon.poll() is None
        ctl("fill", "3")
        expected = content.expected_digests(ContentClass.MIX, 77, 3, COUNT, Corpus.load(corpus_dir))
        for request in (("digest", "0", "seq"), ("digest", "12")):
            assert np.array_equal(np.frombuffer(ctl(*request), dtype=np.uint64), expected)
        assert len(ctl("time", "4")) == 4 * COUNT
        assert f"pid {daemon.pid}\n" in ctl("info").decode()
        ctl("spin", "2")
        ctl("spin", "0")
        ctl("touch-half", "5")
        bad = subprocess.run([memload, "ctl", "--socket", socket, "nonsense"], capture_output=True)
        assert bad.returncode == 1
        assert b"unknown request" in bad.stderr
    finally:
        ctl("exit")
        assert daemon.wait(10) == 0
