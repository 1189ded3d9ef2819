# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs have measured as Markdown: docs/results.md."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from harness.report.page import costs, facts
from harness.report.page.markdown import table
from harness.report.run import Run, RunState
from harness.report.values import (
    NONE,
    Value,
    idle_techniques,
    number,
    technique_of,
    values_of,
)


def results(runs: Sequence[Run]) -> str:
    """The whole page. A run that is no result is listed, and its numbers are not."""
    values = [value for value in values_of(runs) if value.active]
    sections = [
        ("Smallest memory", _table_1(values)),
        ("VMs that fit", _hosted(values)),
        ("Slowdown with less memory", costs.slowdown(values)),
        ("Time on flash", costs.flash(values)),
        ("Latency, in instructions", costs.latency(runs)),
        ("Applications on Android", costs.applications(values)),
        ("Neighbours and storms", costs.ratios(values)),
        ("Figures and their bars", _bars(runs)),
        ("Techniques by their own counters", _techniques(runs)),
    ]
    lines = [
        "<!-- Written by `harness report RUN... --tables docs/results.md`: not by hand. -->",
        "# Results",
        "",
        *facts.notes(runs),
        "",
    ]
    for title, rows in sections:
        found = list(rows)
        if found:
            lines += [f"## {title}", "", *found, ""]
    return "\n".join([*lines, *_runs(runs)]) + "\n"


def _table_1(values: Sequence[Value]) -> Iterator[str]:
    head = ("guest", "alone", "paper", "under Xen", "paper", "with compression", "paper")
    modes = [key for mode in facts.MODES for key in (mode, f"paper_{mode}")]
    keys = ["guest", *modes]
    rows = facts.table_1(values)
    if rows:
        yield facts.TABLE_1
        yield ""
    yield from table(head, ([row[key] for key in keys] for row in rows))


def _hosted(values: Sequence[Value]) -> Iterator[str]:
    head = ("technique", "workload", "guests", "slice of each", "what ended it")
    yield from table(
        head,
        (
            (
                technique_of(v),
                str(v.own.get("workload", "")),
                number(v.value),
                f"{v.own['slice_mib']} MiB" if v.own.get("slice_mib") else "all of its memory",
                str(v.own.get("why", "")),
            )
            for v in values
            if v.name == "guests_hosted"
        ),
    )


def _bars(runs: Sequence[Run]) -> Iterator[str]:
    keys = ("name", "what", "value", "bar", "verdict", "at")
    rows = [
        [*(row[k] for k in keys), str(run.info["scenario"])]
        for run in runs
        if run.state is RunState.PASSED
        for row in facts.bar_rows(run)
    ]
    yield from table(("figure", "what", "value", "bar", "", "at", "scenario"), rows)
    missing = facts.not_measured(runs)
    if missing:
        yield ""
        yield f"Not measured by any of these runs: {', '.join(missing)}."


def _techniques(runs: Sequence[Run]) -> Iterator[str]:
    """A row a run and technique: in how many cells it was at work, and all that it counted."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    idle: set[tuple[str, str]] = set()
    for run in runs:
        if run.state is not RunState.PASSED:
            continue
        scenario = str(run.info["scenario"])
        idle |= {(scenario, name) for name in idle_techniques(run)}
        for m in run.metrics:
            if m.name == "technique_count":
                found[scenario, str(m.labels.get("technique"))].append(m.value)
    yield from table(
        ("scenario", "technique", "times", "counted", ""),
        (
            (*key, f"{len(each)}", number(sum(each)), _verdict(key, idle))
            for key, each in found.items()
        ),
    )


def _verdict(key: tuple[str, str], idle: set[tuple[str, str]]) -> str:
    if key[1] == NONE:
        return "nothing to count but kills"
    return "inactive: left out" if key in idle else "active"


def _runs(runs: Sequence[Run]) -> Iterator[str]:
    yield "## What was run"
    yield ""
    for run in runs:
        dimensions = ", ".join(f"{k} {v}" for k, v in run.dimensions.items())
        hashes = ", ".join(f"{k} {str(v)[:12]}" for k, v in run.info["hashes"].items())
        yield f"* `{run.reproduce}`: {facts.state_sentence(run)} {dimensions}; {hashes}."
