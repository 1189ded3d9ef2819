# SPDX-License-Identifier: GPL-2.0-or-later
"""A matrix becomes jobs; what was run is not run again; two workers of a cluster share the work."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import SetupError, UsageError
from harness.report.run import SCHEMA
from harness.report.runfolder import RunFolder
from harness.sweep import runner
from harness.sweep.execute import Done
from harness.sweep.matrix import Job, expand, read_matrix
from harness.sweep.results import Results
from harness.sweep.runner import room, sweep

MATRIX = """
version = 1
name = "demo"
scenarios = ["lru", "./own.toml"]
seeds = [1, 2]
[fixed]
"settings.guests.linux.memory_mib" = 64
[dimensions]
profiles = [["soft-af"], ["hw-af"], ["soft-af"]]
"""
OWN = """
version = 1
name = "own"
title = "Mine"
profiles = ["default"]
[[steps]]
do = "sample"
"""


def jobs_of(folder: Path, text: str = MATRIX, xen: str = "1") -> list[Job]:
    (folder / "own.toml").write_text(OWN)
    (folder / "m.toml").write_text(text)
    return expand(read_matrix(folder / "m.toml"), {"xen": xen}, folder=folder)


def run_folder(out: Path, job: Job) -> Done:
    """What ``execute`` brings back of a run that passed, or failed for seed 2."""
    with RunFolder(job.scenario, seed=job.seed, out=out / job.key, command_line=[]) as run:
        run.metric("gained", job.seed, "KiB", guest="linux")
    files = {p.name: p.read_bytes() for p in (out / job.key).iterdir() if p.is_file()}
    return Done(job.key, 0, files, (), "here")


def test_every_combination_is_a_job_once(tmp_path: Path) -> None:
    jobs = jobs_of(tmp_path)
    assert len(jobs) == 2 * 2 * 2
    assert len({job.key for job in jobs}) == 8
    assert jobs[0].overrides[0] == "settings.guests.linux.memory_mib=64"
    assert jobs[-1].text == OWN
    assert jobs[0].memory_mib > 1024
    again = jobs_of(tmp_path)
    assert [job.key for job in again] == [job.key for job in jobs]
    assert {job.key for job in jobs_of(tmp_path, xen="2")}.isdisjoint(job.key for job in jobs)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"lru"', '"lur"', "no scenario lur"),
        ("memory_mib", "memroy_mib", "memroy_mib"),
        ("= 64", "= 4", "memory_mib"),
        ("seeds", "sedes", "Extra inputs"),
        ("version = 1", "version = ", "cannot be read"),
    ],
)
def test_a_matrix_that_is_wrong_is_known_before_anything_runs(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        jobs_of(tmp_path, MATRIX.replace(old, new))


def test_what_has_a_result_is_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = jobs_of(tmp_path)[:3]
    ran: list[str] = []

    def execute(job: Job) -> Done:
        ran.append(job.key)
        if job.seed == 2 and len(ran) < 4:
            # It left a run folder, but what failed is this machine.
            files = run_folder(tmp_path / "lost", job).files
            return Done(job.key, 3, files, ("xen is not built",), "here")
        return run_folder(tmp_path / "there", job)

    monkeypatch.setattr(runner, "execute", execute)
    results = Results(tmp_path / "out")
    first = sweep(jobs, results, at_once=1)
    assert (first.passed, first.reused) == (2, 0)
    assert list(first.lost.values()) == [("xen is not built",)]
    second = sweep(jobs, results, at_once=1)
    assert (second.passed, second.reused, second.lost) == (3, 2, {})
    assert len(ran) == 4
    assert second.report is not None
    assert "3 runs" in second.report.read_text()[:2000]


def test_what_a_worker_of_another_commit_booted_is_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = jobs_of(tmp_path, xen="ours")[:1]

    def execute(job: Job) -> Done:
        done = run_folder(tmp_path / "there", job)
        info = json.loads(done.files["run.json"])
        info["hashes"] = {"xen": "theirs", "kernel": "any"}
        return replace(done, files={"run.json": json.dumps(info).encode()})

    monkeypatch.setattr(runner, "execute", execute)
    summary = sweep([job], Results(tmp_path / "out"), at_once=1)
    assert (summary.passed, summary.report) == (0, None)
    assert list(summary.lost.values()) == [("here is not of this commit: it booted another xen",)]


def test_half_a_result_is_none(tmp_path: Path) -> None:
    job = jobs_of(tmp_path)[0]
    results = Results(tmp_path / "out")
    folder = tmp_path / "out" / "jobs" / job.key
    RunFolder("lru", seed=1, out=folder, command_line=[])
    assert results.find(job) is None
    results.keep(run_folder(tmp_path / "there", job))
    assert results.find(job) is not None


def test_a_board_that_does_not_fit_is_said_to_be_too_large(tmp_path: Path) -> None:
    large = MATRIX.replace("[dimensions]", '"settings.board.memory_mib" = 60000\n[dimensions]')
    with pytest.raises(SetupError, match="are free"):
        room(jobs_of(tmp_path, large))
    assert room(jobs_of(tmp_path)) >= 1


def slow(job: Job) -> Done:
    """Stands for a run; says which process of the cluster did it."""
    import os

    time.sleep(0.3)
    info = {"schema": SCHEMA, "state": "passed", "scenario": "x", "started": "2026-01-01T00:00"}
    info |= {"dimensions": {"seed": job.seed}, "hashes": {}, "command_line": []}
    info |= {"duration_s": 1.0}
    return Done(job.key, 0, {"run.json": json.dumps(info).encode()}, (), str(os.getpid()))


def test_two_workers_of_a_cluster_share_the_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: str
) -> None:
    monkeypatch.setattr(runner, "execute", slow)
    workers: set[str] = set()
    keep = Results.keep

    def kept(self: Results, done: Done) -> bool:
        workers.add(done.worker)
        return keep(self, done)

    monkeypatch.setattr(Results, "keep", kept)
    summary = sweep(jobs_of(tmp_path), Results(tmp_path / "out"), scheduler=cluster)
    assert (summary.passed, summary.failed, summary.lost) == (8, 0, {})
    assert len(workers) == 2


def test_a_scheduler_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "CONNECT_S", 1)
    with pytest.raises(SetupError, match="no scheduler answers"):
        sweep(jobs_of(tmp_path), Results(tmp_path / "out"), scheduler="tcp://127.0.0.1:9")
