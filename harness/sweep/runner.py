# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the jobs of a matrix that have no result yet, and makes one report of all."""

from __future__ import annotations

import concurrent.futures
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.errors import SetupError
from harness.progress import step, warn
from harness.report.cli import write_page
from harness.report.run import RunState
from harness.sweep.execute import execute
from harness.sweep.matrix import Job
from harness.sweep.results import Results

# For the machine itself, and for whoever sits at it.
SPARE_MIB = 1024
CONNECT_S = 20
# Exit codes of a harness, command line or machine at fault: that says nothing of the experiment,
# and is tried again when the sweep goes on.
NO_RESULT = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class Summary:
    """How a sweep stands.

    lost: jobs that never came to a run, with the last lines that they said
    """

    passed: int
    failed: int
    reused: int
    lost: dict[str, tuple[str, ...]]
    report: Path | None


def sweep(
    jobs: Sequence[Job],
    results: Results,
    *,
    at_once: int | None = None,
    scheduler: str | None = None,
    again: bool = False,
) -> Summary:
    """Run what has no result yet.

    at_once:   jobs at a time on this machine; default as many as memory and processors allow
    scheduler: address of a Dask cluster's, which then does it instead
    again:     also what has a result that is no good

    Raises SetupError when the scheduler does not answer or no job has room here.
    """
    if again:
        for job in jobs:
            run = results.find(job)
            if run is not None and run.state is not RunState.PASSED:
                results.forget(job)
    waiting = [job for job in jobs if results.find(job) is None]
    lost: dict[str, tuple[str, ...]] = {}
    if waiting:
        with _executor(waiting, at_once, scheduler) as executor, step("sweep") as progress:
            futures = {executor.submit(execute, job): job for job in waiting}
            for number, future in enumerate(concurrent.futures.as_completed(futures), start=1):
                job = futures[future]
                try:
                    done = future.result()
                except Exception as error:  # whatever a worker died of: the others go on
                    lost[str(job)] = (repr(error),)
                else:
                    strangers = results.strangers(job, done)
                    if strangers:
                        others = f"it booted another {', '.join(strangers)}"
                        lost[str(job)] = (f"{done.worker} is not of this commit: {others}",)
                    elif done.status in NO_RESULT or not results.keep(done):
                        lost[str(job)] = done.tail
                    verdict = "passed" if done.status == 0 else f"status {done.status}"
                    progress.note(f"{number} of {len(waiting)}: {job}: {verdict}, {done.worker}")
                if str(job) in lost:
                    warn(f"{job}: no run came of it: {' '.join(lost[str(job)][-1:])}")
    runs = results.all(jobs)
    passed = sum(run.state is RunState.PASSED for run in runs)
    page = None
    if runs:
        page = write_page([run.path for run in runs], results.path / "report.html")
    return Summary(passed, len(runs) - passed, len(jobs) - len(waiting), lost, page)


def room(jobs: Sequence[Job]) -> int:
    """How many of these jobs fit on this machine at a time, by the largest of them.

    Raises SetupError when not even one does.
    """
    with open("/proc/meminfo", encoding="ascii") as file:
        lines = (line.split() for line in file)
        available = next(int(words[1]) for words in lines if words[0] == "MemAvailable:") >> 10
    memory = max(job.memory_mib for job in jobs)
    fits = (available - SPARE_MIB) // memory
    if fits < 1:
        raise SetupError(
            f"a testbed of this sweep takes {memory} MiB, and {available} MiB are free",
            hint="a smaller board (settings.board.memory_mib), or --scheduler",
        )
    processors = len(os.sched_getaffinity(0)) // max(job.processors for job in jobs)
    return max(1, min(fits, processors, len(jobs)))


@contextmanager
def _executor(
    jobs: Sequence[Job], at_once: int | None, scheduler: str | None
) -> Iterator[concurrent.futures.Executor]:
    if scheduler is None:
        with concurrent.futures.ThreadPoolExecutor(at_once or room(jobs)) as executor:
            yield executor
        return
    # Only here: it takes a second, and most sweeps are local.
    from distributed import Client

    try:
        client = Client(scheduler, timeout=CONNECT_S)
    except (OSError, ValueError) as error:
        raise SetupError(
            f"no scheduler answers: {error}", where=scheduler, hint="dask scheduler"
        ) from error
    with client, client.get_executor(pure=False, retries=0) as executor:
        yield executor
