# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs jobs one after the other; none can take another down."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.nightly.jobs import Job
from harness.nightly.summary import write_summary
from harness.paths import repo_root

# pytest's status when it found nothing to run: a job that tests nothing has not passed.
TAIL_LINES = 40
END_S = 30.0


@dataclass(frozen=True, slots=True)
class Result:
    """How one job ended."""

    name: str
    tier: int
    status: int | None
    """Exit status; None when it ran into its limit."""
    duration_s: float
    log: str
    tail: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return self.status == 0

    @property
    def verdict(self) -> str:
        """For people."""
        if self.status is None:
            return "ran into its limit"
        return "passed" if self.passed else f"failed with status {self.status}"


def run_jobs(
    jobs: Sequence[Job], out: Path, *, tell: Callable[[Result], None] = lambda result: None
) -> list[Result]:
    """Run all jobs; the summary in ``out`` is written anew after each.

    out:  folder, with one below it for each job
    tell: called with each result
    """
    results: list[Result] = []
    out.mkdir(parents=True, exist_ok=True)
    for job in jobs:
        result = run_job(job, out / job.name)
        results.append(result)
        tell(result)
        document = {
            "complete": len(results) == len(jobs),
            "jobs": [asdict(r) | {"passed": r.passed} for r in results],
        }
        (out / "nightly.json").write_text(json.dumps(document, indent=1) + "\n")
        write_summary(results, out, planned=len(jobs))
    return results


def run_job(job: Job, out: Path) -> Result:
    """Run one job in a session of its own, so that all of it can be ended."""
    out.mkdir(parents=True, exist_ok=True)
    log = out / "log.txt"
    started = time.monotonic()
    status: int | None
    try:
        with log.open("wb") as file:
            process = subprocess.Popen(
                [word.replace("{out}", str(out)) for word in job.argv],
                cwd=repo_root(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                status = process.wait(timeout=job.limit_s)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                _end(process)
    except OSError as error:
        log.write_text(f"cannot start: {error}\n")
        status = 127
    tail = log.read_text("utf-8", "replace").splitlines()[-TAIL_LINES:]
    return Result(
        job.name, job.tier, status, round(time.monotonic() - started, 1), str(log), tuple(tail)
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """First asked, then not; testbeds of the job end with it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, number)
        try:
            process.wait(timeout=END_S)
        except subprocess.TimeoutExpired:
            continue
