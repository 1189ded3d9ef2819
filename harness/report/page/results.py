# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs have measured as Markdown: docs/results.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.report.page import costs, facts
from harness.report.page.markdown import Table
from harness.report.run import Run, RunState
from harness.report.values import Value, values_of


def results(runs: Sequence[Run]) -> str:
    """The whole page. A run that is no result is listed, and its numbers are not."""
    values = [value for value in values_of(runs) if value.active]
    tables = [
        _table_1(values),
        costs.hosted(values),
        costs.slowdown(values),
        costs.flash(values),
        costs.latency(runs),
        costs.applications(values),
        costs.ratios(values),
        _bars(runs),
        costs.techniques(runs),
    ]
    lines = [
        "<!-- Written by `harness report RUN... --tables docs/results.md`: not by hand. -->",
        "# Results",
        "",
        *facts.notes(runs),
        "",
    ]
    for table in tables:
        if table.rows:
            lines += [f"## {table.title}", "", *table.lines(), ""]
    if without := facts.without_result(runs):
        lines += [f"Tried, and without a result: {'; '.join(without)}.", ""]
    missing = facts.not_measured(runs)
    if missing:
        lines += [f"Not measured by any of these runs: {', '.join(missing)}.", ""]
    return "\n".join([*lines, *_runs(runs)]) + "\n"


def _table_1(values: Sequence[Value]) -> Table:
    head = ("guest", "alone", "paper", "under Xen", "paper", "with compression", "paper")
    modes = [key for mode in facts.MODES for key in (mode, f"paper_{mode}")]
    rows = [[row[key] for key in ("guest", *modes)] for row in facts.table_1(values)]
    return Table("Smallest memory", head, rows, facts.TABLE_1)


def _bars(runs: Sequence[Run]) -> Table:
    keys = ("name", "what", "value", "bar", "verdict", "at")
    rows = [
        [*(row[k] for k in keys), str(run.info["scenario"])]
        for run in runs
        if run.state is RunState.PASSED
        for row in facts.bar_rows(run)
    ]
    head = ("figure", "what", "value", "bar", "", "at", "scenario")
    return Table("Figures and their bars", head, rows)


def _runs(runs: Sequence[Run]) -> Iterator[str]:
    yield "## What was run"
    yield ""
    for run in runs:
        dimensions = ", ".join(f"{k} {v}" for k, v in run.dimensions.items())
        hashes = ", ".join(f"{k} {str(v)[:12]}" for k, v in run.info["hashes"].items())
        yield f"* `{run.reproduce}`: {facts.state_sentence(run)} {dimensions}; {hashes}."
