# SPDX-License-Identifier: GPL-2.0-or-later
"""What ``harness figures`` calls."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from harness.report.figures import figures, figures_table
from harness.report.runfolder import load_run


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
