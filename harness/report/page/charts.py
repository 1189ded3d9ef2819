# SPDX-License-Identifier: GPL-2.0-or-later
"""Plotly figures of runs, as the documents that plotly.js draws.

Colours come from the page (``report.js``), which knows whether it is dark: a trace says ``meta`` =
the role that it plays.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.report.books import PAGE_KIB
from harness.report.page.facts import label_of
from harness.report.run import Run
from harness.report.values import Value, differs, idle_techniques, technique_of

Trace = dict[str, Any]
# From the bottom up: what is there, what compression takes, and what it gained of which pages.
STACK = (
    ("resident", "resident", "resident"),
    ("spent", "compressed: what it takes", "spent"),
    ("lzo", "gained: by the codec", "lzo"),
    ("same", "gained: zero and same-filled", "same"),
    ("discarded", "gained: discarded as free", "discarded"),
    ("ballooned", "given away by the guest", "ballooned"),
)
READ = (
    *("nominal", "resident", "store_pages", "table_pages", "ballooned"),
    *("zero", "same", "lzo", "discarded"),
)
# A line for each series of a chart; beyond that nobody can tell them apart.
SERIES = 8


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart with what must be said about it."""

    key: str
    title: str
    traces: Sequence[Trace]
    x: str
    y: str
    note: str = ""
    log_x: bool = False
    categories: bool = False
    percent: bool = False

    def document(self) -> dict[str, Any]:
        """For ``report.js``."""
        kind = "category" if self.categories else "log" if self.log_x else "linear"
        return {
            "data": list(self.traces),
            "x": {"title": self.x, "type": kind},
            "y": {"title": self.y, "percent": self.percent},
        }


def memory_charts(run: Run) -> list[Chart]:
    """Memory over time, a chart for each guest of each profile that was seen more than once."""
    seen: dict[tuple[str, str], dict[float, dict[str, float]]] = defaultdict(dict)
    for metric in run.metrics:
        guest, profile = metric.labels.get("guest"), metric.labels.get("profile")
        if guest is None or metric.labels.get("sample") is None:
            continue
        if metric.name in READ:
            # All of one sample were recorded within milliseconds of each other.
            moments = seen[str(guest), str(profile)]
            at = next((t for t in reversed(moments) if abs(t - metric.t_s) < 0.05), metric.t_s)
            moments.setdefault(at, {})[metric.name] = metric.value
    charts = []
    for (guest, profile), moments in seen.items():
        full = {t: m for t, m in sorted(moments.items()) if len(m) == len(READ)}
        if len(full) < 2:
            continue
        charts.append(
            Chart(
                f"memory-{guest}-{profile}",
                f"{guest}, profile {profile}",
                _stack(full),
                "seconds",
                "MiB",
                "Adds up to the guest's nominal memory.",
            )
        )
    return charts


def _stack(moments: Mapping[float, Mapping[str, float]]) -> list[Trace]:
    mib = PAGE_KIB / 1024
    parts: dict[str, list[float]] = defaultdict(list)
    for m in moments.values():
        spent = m["store_pages"] + m["table_pages"]
        parts["resident"].append(m["resident"] * mib)
        parts["spent"].append(spent * mib)
        # The codec's pages bear the whole store; a few of them may not be worth it yet.
        parts["lzo"].append(max(0.0, m["lzo"] - spent) * mib)
        parts["same"].append((m["zero"] + m["same"]) * mib)
        parts["discarded"].append(m["discarded"] * mib)
        parts["ballooned"].append(m["ballooned"] * mib)
    times = [round(t, 2) for t in moments]
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "stackgroup": "memory",
            "name": name,
            "meta": role,
            "x": times,
            "y": [round(v, 3) for v in parts[key]],
        }
        for key, name, role in STACK
        if any(parts[key])
    ]


def latency_charts(runs: Sequence[Run]) -> list[Chart]:
    """The share of operations that took at most so long, by what they were and whose."""
    by_name: dict[str, list[Trace]] = defaultdict(list)
    sources: dict[str, str] = {}
    runs = [run for run in runs if run.histograms]
    for run in runs:
        counted = str(run.dimensions.get("icount", "off")) != "off"
        idle = idle_techniques(run)
        for record in run.histograms:
            if record["labels"].get("technique") in idle:
                continue
            group = "read" if record["name"].startswith("read") else "controller"
            labels = record["labels"]
            words = [str(labels.get("technique", "mem-compress"))] if group == "read" else []
            words += [record["name"]] if group == "controller" else []
            words += [str(labels[k]) for k in ("content", "guest", "profile") if labels.get(k)]
            words += [differs(run, runs)]
            by_name[group].append(_distribution(record, " ".join(filter(None, words))))
            unit = "instructions" if counted else "ns of emulator time, for orientation"
            sources[group] = unit
    titles = {
        "read": "Reads of a page that was taken, as the guest saw them",
        "controller": "Operations of the controller",
    }
    return [
        Chart(
            f"latency-{group}",
            titles[group],
            _busiest(traces),
            sources[group],
            "share that took at most so long",
            _left_out(traces),
            log_x=True,
            percent=True,
        )
        for group, traces in by_name.items()
    ]


def _distribution(record: Mapping[str, Any], name: str) -> Trace:
    total = max(1, sum(n for _, n in record["buckets"]))
    sums = itertools.accumulate(n for _, n in record["buckets"])
    return {
        "type": "scatter",
        "mode": "lines",
        "line": {"shape": "hv"},
        "name": name,
        "x": [max(1.0, round(float(value), 1)) for value, _ in record["buckets"]],
        "y": [round(n / total, 5) for n in sums],
        "count": record["count"],
    }


def _busiest(traces: Sequence[Trace]) -> list[Trace]:
    chosen = sorted(traces, key=lambda trace: -int(trace["count"]))[:SERIES]
    return [{k: v for k, v in trace.items() if k != "count"} for trace in chosen]


def _left_out(traces: Sequence[Trace]) -> str:
    rest = len(traces) - SERIES
    return f"{rest} distributions with fewer values are in histograms.jsonl." if rest > 0 else ""


def squeeze_charts(values: Iterable[Value]) -> list[Chart]:
    """Slowdown over memory, a chart a workload, a line a technique."""
    lines: dict[str, dict[str, dict[float, list[float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for value in values:
        ram = value.dimensions.get("ram")
        if value.name == "slowdown" and isinstance(ram, (int, float)) and value.active:
            workload = str(value.dimensions.get("workload", "workload"))
            lines[workload][technique_of(value)][float(ram)].append(value.value)
    return [
        Chart(
            f"squeeze-{workload}",
            workload,
            [
                {
                    "type": "scatter",
                    "mode": "lines+markers",
                    "name": technique,
                    "x": sorted(points, reverse=True),
                    "y": [
                        round(sum(points[ram]) / len(points[ram]), 5)
                        for ram in sorted(points, reverse=True)
                    ],
                }
                for technique, points in by_technique.items()
            ],
            "% of the nominal memory",
            "slowdown",
            "Mean of the repetitions, over the same work with all of its memory.",
            percent=True,
        )
        for workload, by_technique in lines.items()
    ]


def technique_charts(values: Sequence[Value]) -> list[Chart]:
    """What several techniques, or ablations of ours, measured under one name: a bar each."""
    found: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for value in values:
        if value.active and value.name in COMPARED and "technique" in value.own:
            found[value.name, value.unit][technique_of(value)].append(value.value)
    return [
        Chart(
            f"technique-{name}",
            TITLES.get(name, label_of(name)),
            [
                {
                    "type": "bar",
                    "name": label_of(name),
                    "meta": "solid",
                    "x": list(by_technique),
                    "y": [sum(v) / len(v) for v in by_technique.values()],
                }
            ],
            "",
            unit,
            "Mean over guests, workloads and repetitions; the tables have each.",
            categories=True,
        )
        for (name, unit), by_technique in found.items()
        if len(by_technique) > 1
    ]


TITLES = {"guests_hosted": "VMs that fit on the same board, every byte of them verified"}
# What is told of every technique, besides the squeeze curves.
COMPARED = ("gained", "guests_hosted", "apps_alive", "slowdown", "kills", "pages_looked_at")
