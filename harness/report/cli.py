# SPDX-License-Identifier: GPL-2.0-or-later
"""What the verbs figures, report, compare and history call."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from harness.errors import UsageError
from harness.report.figures import figures, figures_table
from harness.report.run import load_run


def show_figures(run_dir: Path, *, as_json: bool = False, console: Console | None = None) -> None:
    """Print the figures of a run folder, as a table or as JSON on standard output.

    Raises UsageError when the folder is no run folder.
    """
    run = load_run(run_dir)
    if as_json:
        document = {
            "run": str(run.path),
            "state": run.state.value,
            "dimensions": dict(run.dimensions),
            "hashes": run.info["hashes"],
            "figures": [figure.as_json() for figure in figures(run)],
        }
        print(json.dumps(document, indent=2))
    else:
        (console or Console()).print(figures_table(run))


def write_page(run_dirs: Sequence[Path], out: Path | None = None) -> Path:
    """Write the report of one run, or of several beside each other; where it is.

    out: default report.html in the folder of the run; several need a name

    Raises UsageError when a folder is no run folder.
    """
    # Only here: whoever wants a table of figures need not wait for it.
    from harness.report.page.render import write_report

    runs = [load_run(path) for path in run_dirs]
    if out is None and len(runs) > 1:
        raise UsageError("several runs have no folder in common", hint="--out FILE.html")
    target = out or run_dirs[0] / "report.html"
    if target.is_dir():
        target = target / "report.html"
    write_report(runs, target)
    return target


def write_tables(run_dirs: Sequence[Path], out: Path) -> None:
    """Write the tables of runs as Markdown. Raises UsageError when a folder is no run folder."""
    from harness.report.page.results import results

    text = results([load_run(path) for path in run_dirs])
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")


def write_pictures(run_dirs: Sequence[Path], out: Path) -> list[Path]:
    """Write each chart of each run's report as KEY.svg into a folder; what was written.

    Raises UsageError when a folder is no run folder, or there is nothing to draw.
    """
    from harness.report.page.picture import picture
    from harness.report.page.render import charts_of

    written = []
    out.mkdir(parents=True, exist_ok=True)
    for chart in itertools.chain.from_iterable(charts_of([load_run(path)]) for path in run_dirs):
        if not chart.log_x:  # distributions are for the page, where one can point at them
            written.append(out / f"{chart.key}.svg")
            written[-1].write_text(picture(chart), encoding="utf-8")
    if not written:
        raise UsageError("these runs have no chart to draw", where=str(run_dirs[0]))
    return written


def show_comparison(run_dirs: Sequence[Path], *, as_json: bool = False) -> None:
    """Print how runs, or the techniques of one run, differ: a table in words.

    Raises UsageError when there is nothing to compare.
    """
    from harness.report.compare import compare
    from harness.report.values import number

    found = compare([load_run(path) for path in run_dirs])
    if as_json:
        print(json.dumps(found.as_json(), indent=2))
        return
    console = Console(highlight=False)
    for name, rows in found.sides.items():
        table = Table(title=f"{name}, over {found.base}", title_justify="left", box=box.SIMPLE_HEAD)
        table.add_column("what")
        for column in ("first", "second"):
            table.add_column(column, justify="right", no_wrap=True)
        table.add_column("")
        same = sum(row.verdict == "the same" for row in rows)
        for row in rows:
            if row.verdict == "the same":
                continue  # hundreds, beside which one does not see what differs
            style = {True: "bold", False: "dim", None: ""}[row.differ]
            first, second = (f"{number(v)} {row.unit}" for v in (row.first, row.second))
            table.add_row(row.what, first, second, row.verdict, style=style)
        console.print(table)
        console.print(f"  the same in both: {same} counts (--json has them)\n", style="dim")
    for words in found.left_out:
        console.print(f"left out: {words}", style="yellow", markup=False)


def show_history(
    name: str | None = None, *, add: Sequence[Path] = (), as_json: bool = False
) -> None:
    """Print how figures changed over the runs that were noted; note these runs first.

    Raises UsageError for a run that is no result, or when nothing was noted yet.
    """
    from harness.report import history
    from harness.report.values import number

    if add:
        history.note([load_run(path) for path in add])
    found = history.trends(name)
    if as_json:
        print(json.dumps([trend.as_json() for trend in found], indent=2))
        return
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("figure", "last", "before", "worse by", "bar", "", "over time", "at"):
        right = column in ("last", "before", "worse by", "bar")
        # Numbers and names are what one came for: they are never cut.
        kept = right or column == "figure"
        table.add_column(
            column, justify="right" if right else "left", no_wrap=kept, overflow="fold"
        )
    for trend in found:
        worse = "-" if trend.worse is None else f"{trend.worse:+.1%}"
        table.add_row(
            trend.name,
            f"{number(trend.values[-1])} {trend.unit}",
            number(trend.before),
            f"[red]{worse}[/]" if (trend.worse or 0) > 0.02 else worse,
            trend.bar,
            "[green]met[/]" if trend.met else "[red]missed[/]",
            _sparks(trend.values[-20:]),
            trend.at,
        )
    Console(highlight=False).print(table)


def _sparks(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    return "".join("▁▂▃▄▅▆▇█"[round((value - low) / span * 7)] for value in values)


def show_explanation(run_dir: Path, *, as_json: bool = False) -> None:
    """Print why a run ended as it did: a paragraph, then the lines around the first bad one."""
    from harness.report.explain import explain

    found = explain(load_run(run_dir))
    if as_json:
        print(json.dumps(found.as_json(), indent=2))
        return
    console = Console(highlight=False)
    console.print(found.paragraph(), markup=False)
    for line in found.context:
        console.print(f"    {line}", style="dim", markup=False)
