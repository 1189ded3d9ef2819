# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs have measured as Markdown: docs/results.md."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean

from harness.report.page import facts
from harness.report.run import Run, RunState
from harness.report.values import Value, number, technique_of, values_of

# Told in a table of their own, with what they are.
RATIOS = {
    "neighbour_slowdown": "a guest that works, beside an idle one that is compressed",
    "wake_slowdown": "an idle guest reads all it holds, compressed before or not",
    "boot_slowdown": "guests that boot together, with the controller or without",
    "overcommit": "nominal memory of guests at work at once, over the frames there are",
    "apps_alive_ratio": "Android applications alive, over its low-memory killer alone",
}


def results(runs: Sequence[Run]) -> str:
    """The whole page. A run that is no result is listed, and its numbers are not."""
    values = [value for value in values_of(runs) if value.active]
    sections = [
        ("Smallest memory", _table_1(values)),
        ("VMs that fit", _hosted(values)),
        ("Slowdown with less memory", _slowdown(values)),
        ("Neighbours and storms", _ratios(values)),
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


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    found = list(rows)
    if found:
        yield "| " + " | ".join(head) + " |"
        yield "|" + "---|" * len(head)
        for row in found:
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _table_1(values: Sequence[Value]) -> Iterator[str]:
    head = ("guest", "alone", "paper", "under Xen", "paper", "with compression", "paper")
    modes = [key for mode in facts.MODES for key in (mode, f"paper_{mode}")]
    keys = ["guest", *modes]
    rows = facts.table_1(values)
    if rows:
        yield facts.TABLE_1
        yield ""
    yield from _table(head, ([row[key] for key in keys] for row in rows))


def _hosted(values: Sequence[Value]) -> Iterator[str]:
    head = ("technique", "workload", "guests", "slice of each", "what ended it")
    yield from _table(
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


def _slowdown(values: Sequence[Value]) -> Iterator[str]:
    """A row a workload and technique, a column a share of memory; mean of the repetitions."""
    cells: dict[tuple[str, str], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    instead: dict[tuple[str, str, int], str] = {}
    for v in values:
        if v.name not in ("slowdown", "survived", "over_slice"):
            continue
        row = str(v.own["workload"]), technique_of(v)
        ram = int(str(v.own["ram"]))
        if v.name == "slowdown":
            cells[row][ram].append(v.value)
        elif v.name == "over_slice":
            instead[(*row, ram)] = f"held {v.value / 256:.1f} MiB too much"
        elif not v.value:
            instead[(*row, ram)] = "killed"
        cells.setdefault(row, defaultdict(list))
    told = {ram for row in cells.values() for ram in row} | {ram for *_, ram in instead}
    rams = sorted(told, reverse=True)

    def cell(row: tuple[str, str], ram: int) -> str:
        if (*row, ram) in instead:
            return instead[(*row, ram)]
        found = cells[row].get(ram)
        return f"{fmean(found):+.1%}" if found else ""

    head = ("workload", "technique", *(f"{ram} %" for ram in rams))
    yield from _table(head, ((*row, *(cell(row, ram) for ram in rams)) for row in cells))


def _ratios(values: Sequence[Value]) -> Iterator[str]:
    yield from _table(
        ("what", "", "value"),
        ((v.name, RATIOS[v.name], f"{v.value:.3f}") for v in values if v.name in RATIOS),
    )


def _bars(runs: Sequence[Run]) -> Iterator[str]:
    keys = ("name", "what", "value", "bar", "verdict", "at")
    rows = [row for run in runs if run.state is RunState.PASSED for row in facts.bar_rows(run)]
    yield from _table(
        ("figure", "what", "value", "bar", "", "at"), ([r[k] for k in keys] for r in rows)
    )


def _techniques(runs: Sequence[Run]) -> Iterator[str]:
    keys = ("name", "count", "verdict", "at")
    rows = facts.technique_rows([run for run in runs if run.state is RunState.PASSED])
    yield from _table(("technique", "counted", "", "at"), ([r[k] for k in keys] for r in rows))


def _runs(runs: Sequence[Run]) -> Iterator[str]:
    yield "## What was run"
    yield ""
    for run in runs:
        dimensions = ", ".join(f"{k} {v}" for k, v in run.dimensions.items())
        hashes = ", ".join(f"{k} {str(v)[:12]}" for k, v in run.info["hashes"].items())
        yield f"* `{run.reproduce}`: {facts.state_sentence(run)} {dimensions}; {hashes}."
