# SPDX-License-Identifier: GPL-2.0-or-later
"""Charts of distributions: how many operations took longer than so long."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from harness.report.page.charts import Chart, Trace, line_of
from harness.report.run import Run
from harness.report.values import differs, idle_techniques

# A line for each series of a chart; beyond that nobody can tell them apart.
SERIES = 11


def latency_charts(runs: Sequence[Run]) -> list[Chart]:
    """The share of operations that took longer, by what they were and whose: tails matter."""
    found: dict[tuple[str, str], list[Trace]] = defaultdict(list)
    units: dict[tuple[str, str], str] = {}
    runs = [run for run in runs if run.histograms]
    for run in runs:
        counted = str(run.dimensions.get("icount", "off")) != "off"
        idle = idle_techniques(run)
        for record in run.histograms:
            labels = record["labels"]
            if labels.get("technique") in idle or not record["count"]:
                continue
            reads = record["name"].startswith("read")
            split = ("workload", "ram") if reads else ("guest", "profile")
            cell = " ".join(str(labels[k]) for k in split if k in labels)
            key = ("read" if reads else "controller"), cell
            technique = str(labels.get("technique", "mem-compress"))
            words = [technique if reads else str(record["name"])]
            told = ("content", "guest", "profile") if reads else ("content",)
            words += [str(labels[k]) for k in told if labels.get(k)]
            trace = _distribution(record, " ".join(filter(None, [*words, differs(run, runs)])))
            # By content it is one technique on many lines: then colours tell contents apart.
            if reads and "content" not in labels and len(runs) == 1:
                trace["line"] |= line_of(technique)
            found[key].append(trace)
            units[key] = "instructions" if counted else "ns of emulator time, for orientation"
    return [
        Chart(
            "-".join(["latency", *key]).rstrip("-").replace(" ", "-"),
            _latency_title(*key),
            _busiest(traces),
            units[key],
            "share that took longer",
            _left_out(traces),
            log_x=True,
            log_y=True,
            percent=True,
        )
        for key, traces in found.items()
    ]


def _latency_title(group: str, cell: str) -> str:
    if group == "controller":
        guest, _, profile = cell.partition(" ")
        return f"Operations of the controller: {guest}" + (
            f", profile {profile}" if profile else ""
        )
    workload, _, ram = cell.partition(" ")
    with_memory = f", with {ram} % of the memory" if ram else ""
    return f"Reads as the guest saw them{f': {workload}' if workload else ''}{with_memory}"


def _distribution(record: Mapping[str, Any], name: str) -> Trace:
    total = max(1, sum(n for _, n in record["buckets"]))
    below = itertools.accumulate((n for _, n in record["buckets"]), initial=0)
    xs = [max(1.0, round(float(value), 1)) for value, _ in record["buckets"]]
    ys = [1 - n / total for n, _ in zip(below, xs, strict=False)]
    # The last step down ends at the longest of all.
    longest = max(float(record["max"]), xs[-1] * 1.02)
    return {
        "type": "scatter",
        "mode": "lines",
        "line": {"shape": "vh"},
        "name": name,
        "x": [*xs, round(longest, 1)],
        "y": [float(f"{y:.4g}") for y in (*ys, ys[-1])],
        "count": record["count"],
    }


def _busiest(traces: Sequence[Trace]) -> list[Trace]:
    chosen = sorted(traces, key=lambda trace: -int(trace["count"]))[:SERIES]
    return [{k: v for k, v in trace.items() if k != "count"} for trace in chosen]


def _left_out(traces: Sequence[Trace]) -> str:
    rest = len(traces) - SERIES
    return f"{rest} distributions with fewer values are in histograms.jsonl." if rest > 0 else ""
