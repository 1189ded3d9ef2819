# SPDX-License-Identifier: GPL-2.0-or-later
"""figures, compare, history, report: what runs have measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.common import Json

Runs = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""

    @app.command()
    def figures(run_dir: Path, as_json: Json = False) -> None:
        """The figures of a run folder: what was measured, under which conditions."""
        from harness.report.cli import show_figures

        show_figures(run_dir, as_json=as_json)

    @app.command()
    def compare(runs: Runs, as_json: Json = False) -> None:
        """How runs differ: counts exactly, times by a permutation test; in words.

        The first is what the others are held against. Of one run alone, its techniques.

        harness compare runs/before runs/after

        harness compare runs/20260131-142501-squeeze
        """
        from harness.report.cli import show_comparison

        show_comparison(runs, as_json=as_json)

    @app.command()
    def history(
        figure: Annotated[
            str | None, typer.Argument(metavar="[FIGURE]", help="Only this one.")
        ] = None,
        add: Annotated[
            list[Path] | None, typer.Option(metavar="RUN", help="Note a run first.")
        ] = None,
        as_json: Json = False,
    ) -> None:
        """How figures changed from run to run: of nightly, and of the runs that were added.

        harness history restore_path_insns

        harness history --add runs/20260131-142501-latency
        """
        from harness.report.cli import show_history

        show_history(figure, add=add or [], as_json=as_json)

    @app.command()
    def report(
        runs: Runs,
        out: Annotated[
            Path | None, typer.Option(help="The page; default report.html in the run folder.")
        ] = None,
        tables: Annotated[
            Path | None, typer.Option(metavar="FILE.md", help="The tables as Markdown instead.")
        ] = None,
        pictures: Annotated[
            Path | None, typer.Option(metavar="FOLDER", help="Every chart as an SVG instead.")
        ] = None,
        explain: Annotated[
            bool, typer.Option("--explain", help="Only say why the run ended as it did.")
        ] = False,
        as_json: Json = False,
    ) -> None:
        """Write the report of a run, or of several beside each other: one page, no network.

        harness report runs/20260131-142501-first-light

        harness report runs/a runs/b --out both.html

        harness report --explain runs/20260131-142501-lru

        harness report runs/a runs/b --tables docs/results.md --pictures docs/pictures
        """
        from harness.cli.common import print_json
        from harness.errors import UsageError
        from harness.report.cli import show_explanation, write_page, write_pictures, write_tables

        if explain:
            if len(runs) != 1:
                raise UsageError("one run at a time can be explained", where="--explain")
            show_explanation(runs[0], as_json=as_json)
            return
        if tables is not None:
            write_tables(runs, tables)
        if pictures is not None:
            write_pictures(runs, pictures)
        if tables is not None or pictures is not None:
            return
        page = write_page(runs, out)
        if as_json:
            print_json({"report": str(page)})
        else:
            typer.echo(str(page))
