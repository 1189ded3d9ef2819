# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts are compared exactly, times by a test that knows what chance does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from harness.cli.app import main
from harness.errors import UsageError
from harness.report.compare import compare
from harness.report.permutation import difference
from harness.report.run import Run, RunState, Scalar, load_run
from harness.report.runfolder import RunFolder


def made(path: Path, *, seed: int = 1, pages: int = 100, faster: float = 0.0) -> Run:
    random = np.random.default_rng(seed)
    with RunFolder("demo", seed=seed, out=path, command_line=[]) as run:
        run.metric("compressed", pages, "pages", guest="linux", sample="end")
        run.metric("compressed", 5, "pages", guest="linux", sample="clock")
        for n in range(12):
            drift = 50.0 * n
            for technique, less in (("none", 0.0), ("zram", faster)):
                # What they have in common is far larger than what tells them apart.
                ns = 1000 + drift - less + random.normal(0, 2)
                at: dict[str, Scalar] = {"technique": technique, "repetition": n, "order": n % 2}
                run.metric("work_ns", ns, "ns", **at)
        for technique, count in (("none", 0), ("zram", 5), ("ksm", 0)):
            run.metric("technique_count", count, "pages", technique=technique)
        run.metric("work_ns", 1, "ns", technique="ksm", repetition=0)
    return load_run(path)


def test_pairs_show_a_difference_that_drift_hides() -> None:
    random = np.random.default_rng(3)
    drift = np.arange(12) * 50.0
    a = drift + random.normal(0, 2, 12)
    b = drift - 10 + random.normal(0, 2, 12)
    assert difference(list(a), list(b), paired=True).p < 0.001
    assert difference(list(a), list(b), paired=False).p > 0.5
    same = difference(list(a), list(a), paired=True)
    assert (same.p, same.delta, same.size) == (1.0, 0.0, "negligible")


def test_a_large_effect_is_called_one() -> None:
    found = difference([10.0 + n / 10 for n in range(10)], [5.0] * 10, paired=False)
    assert found.size == "large"
    assert found.ratio == pytest.approx(-0.52, abs=0.01)
    assert found.p < 0.001


def test_techniques_of_a_run_are_compared_in_pairs_and_idle_ones_are_named(tmp_path: Path) -> None:
    found = compare([made(tmp_path / "r", faster=40)])
    assert found.base == "none"
    assert list(found.sides) == ["zram"]
    work = next(row for row in found.sides["zram"] if row.what == "work_ns")
    assert work.differ
    assert work.verdict.startswith("less by")
    assert "paired" in work.verdict
    assert "same order" not in work.verdict
    assert found.left_out == ["r: technique ksm did nothing"]


def test_counts_of_runs_are_exact_and_times_tested(tmp_path: Path) -> None:
    runs = [made(tmp_path / "a"), made(tmp_path / "b", seed=2, pages=103)]
    ((name, rows),) = compare(runs).sides.items()
    assert name == "seed 2"
    by_name = {row.what: row for row in rows}
    assert by_name["compressed guest=linux sample=end"].verdict == "more by 3 pages, +3.0%"
    assert not by_name["work_ns technique=none"].differ
    assert "compressed guest=linux sample=clock" not in by_name


def test_runs_that_were_made_the_same_way_are_held_against_each_other(tmp_path: Path) -> None:
    for name, insns in (("a", 2000), ("b", 2010)):
        with RunFolder("demo", seed=1, out=tmp_path / name, command_line=[]) as run:
            run.metric("restore_path_insns", insns, "insns")
            run.metric("survived", 1, "runs")
    found = compare([load_run(tmp_path / "a"), load_run(tmp_path / "b")])
    assert found.base == str(tmp_path / "a")
    insns_row, lived = found.sides[str(tmp_path / "b")]
    assert insns_row.verdict.startswith("+0.5%; 1 and 1 samples")
    assert lived.verdict == "the same"


def test_too_few_samples_tell_nothing_and_no_result_is_left_out(tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b", tmp_path / "c"]
    for number, path in enumerate(paths):
        with RunFolder("demo", seed=number, out=path, command_line=[]) as run:
            run.metric("work_ns", 10 * number, "ns")
            run.finish(RunState.FAILED if number == 2 else RunState.PASSED)
    found = compare([load_run(path) for path in paths])
    assert found.sides["seed 1"][0].differ is None
    assert found.left_out == ["c: failed, no result"]
    with pytest.raises(UsageError, match="nothing to compare"):
        compare([load_run(paths[0]), load_run(paths[2])])


def test_compare_verb_tells_in_words_and_for_machines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path / "a")
    made(tmp_path / "b", seed=2, pages=103)
    for words in ([], ["--json"]):
        with pytest.raises(SystemExit):
            main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), *words])
    text, _, document = capsys.readouterr().out.partition("{\n")
    assert "more by 3 pages" in text
    # What is the same is no row of its own, but for machines.
    assert "technique_count" not in text
    assert "the same in both: 2 counts" in text
    assert "technique_count" in document
    assert json.loads("{" + document)["base"] == "seed 1"
