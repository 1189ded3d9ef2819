# SPDX-License-Identifier: GPL-2.0-or-later
"""sweep: many runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.common import Json, print_json


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def sweep(
        matrix: Annotated[Path, typer.Argument(metavar="MATRIX.toml")],
        out: Annotated[
            Path | None, typer.Option(help="Results; default runs/sweeps/NAME, to go on there.")
        ] = None,
        jobs: Annotated[
            int | None, typer.Option(min=1, help="At a time; default as many as have room.")
        ] = None,
        scheduler: Annotated[
            str | None, typer.Option(metavar="ADDRESS", help="Of a Dask cluster, to run it there.")
        ] = None,
        again: Annotated[
            bool, typer.Option("--again", help="Also what failed before; else that is its result.")
        ] = False,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Only list the jobs, and what has a result.")
        ] = False,
        as_json: Json = False,
    ) -> None:
        """Run scenarios over all combinations of settings; one report of all.

        Results are kept by what they were made of: a sweep that was stopped goes on where it was,
        and one that was extended runs only what is new.

        harness sweep memory.toml

        harness sweep memory.toml --scheduler tcp://big:8786

        harness/sweep/matrix.py shows what a matrix looks like. Workers of a cluster:
        .venv/bin/dask worker ADDRESS --nthreads 1, in a checkout of the same commit.
        """
        from harness.build.artifacts import existing
        from harness.errors import ScenarioFailed
        from harness.paths import runs_dir
        from harness.sweep.matrix import expand, read_matrix
        from harness.sweep.results import Results
        from harness.sweep.runner import sweep as run_sweep

        wanted = read_matrix(matrix)
        built = existing()
        digests = {
            artifact.name: artifact.digest
            for artifact in (built.xen, built.kernel, built.dom0_initrd, built.linux_initrd)
        }
        if built.android_root is not None:
            digests["android_root"] = built.android_root.digest
        found = expand(wanted, digests, folder=matrix.parent)
        results = Results(out or runs_dir() / "sweeps" / wanted.name)
        if dry_run:
            listed = [
                {"key": job.key, "job": str(job), "done": results.find(job) is not None}
                for job in found
            ]
            if as_json:
                print_json(listed)
            else:
                for one in listed:
                    typer.echo(f"{one['key']}  {'done' if one['done'] else '    '}  {one['job']}")
            return
        summary = run_sweep(found, results, at_once=jobs, scheduler=scheduler, again=again)
        if as_json:
            print_json(
                {
                    "out": str(results.path),
                    "passed": summary.passed,
                    "failed": summary.failed,
                    "reused": summary.reused,
                    "lost": summary.lost,
                    "report": str(summary.report) if summary.report else None,
                }
            )
        else:
            typer.echo(
                f"{summary.passed} passed, {summary.failed} failed, {len(summary.lost)} came to"
                f" nothing; {summary.reused} were there before\n{summary.report or results.path}"
            )
        if summary.failed or summary.lost:
            raise ScenarioFailed(
                f"{summary.failed + len(summary.lost)} of {len(found)} jobs are no result",
                where=str(results.path),
                hint="harness report --explain; --again runs them once more",
                context=[line for tail in summary.lost.values() for line in tail[-5:]],
            )
