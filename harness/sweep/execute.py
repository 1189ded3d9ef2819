# SPDX-License-Identifier: GPL-2.0-or-later
"""One job, on this machine: a process of its own, a testbed of its own, and its run folder back.

Dask's workers call this. They run in a checkout of the same commit (``.venv/bin/dask worker ADDRESS
--nthreads 1``) and need share no file system with whoever asks: files come back as bytes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.paths import repo_root
from harness.sweep.matrix import Job

TAIL_LINES = 30
# Made anew from the rest, and larger than all of it.
LEFT_OUT = ("report.html",)


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a job.

    status: exit code of ``harness run``
    files:  of the run folder, by path; empty when it never came to have one
    tail:   the last lines that it said
    """

    key: str
    status: int
    files: Mapping[str, bytes]
    tail: tuple[str, ...]
    worker: str


def execute(job: Job) -> Done:
    """Run it to its end. A run that fails is a result."""
    with tempfile.TemporaryDirectory(prefix="xmc-sweep-") as temporary:
        folder = Path(temporary)
        scenario = job.scenario
        if job.text is not None:
            path = folder / "scenario.toml"
            path.write_text(job.text, encoding="utf-8")
            scenario = str(path)
        out = folder / "run"
        argv = [sys.executable, "-m", "harness.cli.app", "run", scenario]
        argv += ["--seed", str(job.seed), "--out", str(out)]
        for override in job.overrides:
            argv += ["--set", override]
        # A testbed that happens to run here is somebody's.
        environment = {**os.environ, "XMC_TESTBED": f"sweep-{job.key}"}
        done = subprocess.run(
            argv,
            cwd=repo_root(),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said = done.stdout.decode("utf-8", "replace").splitlines()
        files = {
            str(path.relative_to(out)): path.read_bytes()
            for path in sorted(out.rglob("*"))
            if path.is_file() and path.name not in LEFT_OUT
        }
    return Done(job.key, done.returncode, files, tuple(said[-TAIL_LINES:]), os.uname().nodename)
