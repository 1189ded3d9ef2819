# SPDX-License-Identifier: GPL-2.0-or-later
"""nightly: the long runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.common import Json, print_json

if TYPE_CHECKING:
    from harness.nightly.runner import Result


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def nightly(
        tier: Annotated[
            int, typer.Option(help="1: what `make test` runs; 2: a night; 3: a weekend.")
        ] = 2,
        out: Annotated[
            Path | None, typer.Option(help="Folder; default a new one under runs/nightly/.")
        ] = None,
        only: Annotated[
            list[str] | None, typer.Option(help="Only this job; may be given more than once.")
        ] = None,
        as_json: Json = False,
    ) -> None:
        """Run all jobs of a tier, whatever becomes of each; JUnit and HTML in the folder.

        harness nightly --tier 1

        harness nightly --only roundtrip
        """
        from harness.errors import ScenarioFailed, UsageError
        from harness.nightly.jobs import JOBS, TIERS
        from harness.nightly.runner import run_jobs
        from harness.paths import runs_dir

        if not 1 <= tier <= TIERS:
            raise UsageError(f"no tier {tier}", where="--tier", hint=f"1 to {TIERS}")
        unknown = set(only or ()) - {job.name for job in JOBS}
        if unknown:
            known = ", ".join(job.name for job in JOBS)
            raise UsageError(f"no job {sorted(unknown)[0]!r}", where="--only", hint=known)
        jobs = [job for job in JOBS if (job.name in only if only else job.tier <= tier)]
        folder = out or runs_dir() / "nightly" / time.strftime("%Y%m%d-%H%M%S")

        def tell(result: Result) -> None:
            typer.echo(f"{result.name}: {result.verdict}, {result.duration_s} s", err=True)

        results = run_jobs(jobs, folder.resolve(), tell=tell)
        _note_runs(folder, results)
        failed = [result.name for result in results if not result.passed]
        if as_json:
            print_json({"out": str(folder), "passed": len(results) - len(failed), "failed": failed})
        else:
            typer.echo(f"{folder}/index.html")
        if failed:
            raise ScenarioFailed(
                f"{len(failed)} of {len(results)} jobs failed: {', '.join(failed)}",
                where=str(folder),
                hint=f"{folder}/index.html",
            )


def _note_runs(folder: Path, results: Sequence[Result]) -> None:
    """Take what the scenarios measured into the history; that they cannot be is no failure."""
    from harness.errors import HarnessError
    from harness.progress import warn
    from harness.report.history import note
    from harness.report.run import load_run

    for result in results:
        path = folder / result.name / "run"
        if result.passed and path.exists():
            try:
                note([load_run(path)])
            except HarnessError as error:
                warn(f"{result.name} is not in the history: {error}")
