# SPDX-License-Identifier: GPL-2.0-or-later
"""What ``harness run`` and ``make boot`` call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from harness.errors import SetupError
from harness.progress import warn
from harness.report.cli import write_page
from harness.report.figures import figures_table
from harness.report.run import load_run
from harness.report.runfolder import RunFolder
from harness.report.table import guest_table
from harness.scenarios.runner import BedOpener, Outcome, run_scenario
from harness.scenarios.schema import load_scenario


def run(
    scenario: str,
    *,
    out: Path | None = None,
    seed: int = 1,
    overrides: Sequence[str] = (),
    resume: bool = False,
    open_bed: BedOpener | None = None,
    as_json: bool = False,
    console: Console | None = None,
) -> Outcome:
    """Run a scenario and print its table or figures and where the run folder is.

    Args:
        scenario: a shipped name or a path.
        out: the run folder; default a new one under runs/.
        seed: of all content and orders.
        resume: go on with what is in ``out``, if it did not come to a good end.
        overrides: ``STEP.KEY=VALUE``, see ``schema.load_scenario``.
        open_bed: opens the testbed of a profile; default attaches to one that is running on
            that profile, else boots one and halts it afterwards.
        as_json: print one JSON document instead.
        console: where to print.

    Raises UsageError for a malformed scenario, ScenarioFailed and whatever the testbed raises.
    """
    console = console or Console()
    wanted = load_scenario(scenario, overrides)
    if open_bed is None:
        # Only here, so that reading and checking a scenario needs no testbed.
        from harness.scenarios.live import open_bed as open_live

        open_bed = open_live
    folder = RunFolder(wanted.name, seed=seed, out=out, resume=resume)
    try:
        outcome = run_scenario(wanted, folder, seed=seed, open_bed=open_bed)
    finally:
        _leave_report(folder.path)
        if not as_json:
            console.print(f"run folder: {folder.path}, report.html in it", highlight=False)
    if as_json:
        document = {
            "run": str(outcome.folder),
            "state": outcome.state.value,
            "host": {
                "free_before_kib": outcome.free_before_kib,
                "free_after_kib": outcome.free_after_kib,
            },
            "guests": {books.name: books.as_json() for books in outcome.books},
        }
        print(json.dumps(document, indent=2))
    elif wanted.table:
        console.print(
            guest_table(
                outcome.books,
                free_before_kib=outcome.free_before_kib,
                free_after_kib=outcome.free_after_kib,
            )
        )
    else:
        console.print(figures_table(load_run(outcome.folder)))
    return outcome


def _leave_report(folder: Path) -> None:
    """However the run ended; how it did is what matters, if there is no room for it."""
    try:
        write_page([folder])
    except (OSError, SetupError) as error:
        warn(f"no report: {error}")
