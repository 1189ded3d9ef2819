# SPDX-License-Identifier: GPL-2.0-or-later
"""Run folders of a sweep, by the key of their job: what is there need not be run again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from harness.errors import UsageError
from harness.report.run import Run, RunState, load_run
from harness.sweep.execute import Done
from harness.sweep.matrix import Job


class Results:
    """A folder with ``jobs/KEY`` for each result."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def find(self, job: Job) -> Run | None:
        """Its run folder, if it came to an end; half a one is none."""
        try:
            run = load_run(self._folder(job.key))
        except UsageError:
            return None
        return None if run.state is RunState.PARTIAL else run

    def strangers(self, job: Job, done: Done) -> list[str]:
        """What it booted that is not the job's: a worker's checkout may be of another commit."""
        if "run.json" not in done.files:
            return []
        booted = json.loads(done.files["run.json"])["hashes"]
        return [name for name, digest in job.digests.items() if booted.get(name, digest) != digest]

    def keep(self, done: Done) -> bool:
        """Store what came back, all of it or nothing; whether there was a run at all."""
        if "run.json" not in done.files:
            return False
        target = self._folder(done.key)
        half = target.with_name(f".{target.name}")
        shutil.rmtree(half, ignore_errors=True)
        for name, content in done.files.items():
            path = half / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        shutil.rmtree(target, ignore_errors=True)
        half.rename(target)
        return True

    def forget(self, job: Job) -> None:
        """Remove a result, so that it is made anew."""
        shutil.rmtree(self._folder(job.key), ignore_errors=True)

    def all(self, jobs: Iterable[Job]) -> list[Run]:
        """The results that there are, in the order of the jobs."""
        return [run for job in jobs if (run := self.find(job)) is not None]

    def _folder(self, key: str) -> Path:
        return self.path / "jobs" / key
