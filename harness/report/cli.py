# SPDX-License-Identifier: GPL-2.0-or-later
"""What ``harness figures`` and ``harness report`` call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

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
