# SPDX-License-Identifier: GPL-2.0-or-later
"""``harness figures RUN``: the results of a run against the bars of measurement.md.

A scenario records a figure as a metric of that name. What a run did not measure is listed as
not measured; what it measured while inactive or failed is not shown as a result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from harness.report.books import PAGE_KIB
from harness.report.run import Metric, Run, RunState, Scalar
from harness.report.values import OURS, idle_techniques

SLOWDOWN = "slowdown_"


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of the table of bars."""

    name: str
    what: str
    unit: str
    relation: str
    bound: float

    def met(self, value: float) -> bool:
        """Whether ``value`` reaches the bar."""
        return value <= self.bound if self.relation == "<=" else value >= self.bound

    def __str__(self) -> str:
        return f"{self.relation} {self.bound:g}"


BARS = (
    Bar("restore_path_insns", "restore, path without codec, mean", "insns", "<=", 2000),
    Bar("restore_vs_zram", "restore over guest zram swap-in, p50", "ratio", "<=", 0.85),
    Bar("same_filled_vs_lzo", "restore of a same-filled page over LZO", "ratio", "<=", 0.25),
    Bar("bulk_path_vs_fault", "bulk restore path over a faulted one", "ratio", "<=", 0.50),
    Bar("compress_path_insns", "compression per page without codec", "insns", "<=", 4000),
    Bar("store_density", "useful bytes over pool bytes", "ratio", ">=", 0.95),
    Bar("store_density_churn", "the same after churn", "ratio", ">=", 0.90),
    Bar("meta_bytes_per_page", "metadata per compressed page", "bytes", "<=", 16),
    Bar("victim_precision", "victims in the untouched half", "ratio", ">=", 0.95),
    Bar("scan_vs_whole", "pages looked at, process over whole memory", "ratio", "<=", 0.5),
    Bar("guests_hosted_ratio", "guests in the same RAM over none", "ratio", ">=", 1.75),
    Bar("apps_alive_ratio", "Android applications alive over kill", "ratio", ">=", 1.6),
    Bar("heaps_alive_ratio", "processes alive in a slice over kill", "ratio", ">=", 1.5),
    Bar("heaps_full_stall", "time in which all wait for memory", "ratio", "<=", 0.10),
    Bar("heaps_longest_unverified", "a heap not verified, at most", "s", "<=", 30),
    Bar("driver_resident", "driver and daemon, resident", "bytes", "<=", 1 << 20),
    Bar("asked_without_pressure", "requests and wake-ups in 10 s", "events", "<=", 0),
    Bar("slowdown_60", "slowdown at 60 % of the RAM", "ratio", "<=", 0.03),
    Bar("slowdown_50", "slowdown at 50 % of the RAM", "ratio", "<=", 0.05),
    Bar("slowdown_40", "slowdown at 40 % of the RAM", "ratio", "<=", 0.10),
    Bar("idle_overhead", "idle controller over compiled out", "ratio", "<=", 0.005),
    Bar("max_stretch_insns", "longest stretch without preemption check", "insns", "<=", 200_000),
    Bar("max_fault_insns", "longest restore", "insns", "<=", 60_000),
    Bar("max_fault_reclaim_insns", "longest restore with direct reclaim", "insns", "<=", 500_000),
    Bar("roundtrips_verified", "round trips without a mismatch", "pages", ">=", 1_000_000),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A bar with what one run has to say about it."""

    bar: Bar
    value: float | None
    dimensions: Mapping[str, Scalar]
    why: str = ""
    """It was tried, and came to no result: for this reason."""

    @property
    def met(self) -> bool | None:
        """None when it was not measured."""
        return None if self.value is None else self.bar.met(self.value)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.bar.name,
            "value": self.value,
            "unit": self.bar.unit,
            "bar": str(self.bar),
            "met": self.met,
            "measured": self.value is not None,
            "why": self.why,
            "dimensions": dict(self.dimensions),
        }


def figures(run: Run) -> list[Figure]:
    """All bars; a figure recorded several times (per guest, per mode) gives one line each."""
    result = []
    idle = idle_techniques(run)
    for bar in BARS:
        # A failed or inactive run has no figures, whatever it recorded before it ended so; nor
        # has a technique that did nothing.
        found = [
            m
            for m in run.metrics
            if m.name == bar.name
            and run.state is RunState.PASSED
            and m.labels.get("technique") not in idle
        ]
        dimensions = dict(run.dimensions)
        result += [Figure(bar, m.value, dimensions | dict(m.labels)) for m in found]
        without = _without_result(run, bar, found)
        result += without
        if not found and not without:
            result.append(Figure(bar, None, dimensions))
    return result


def _without_result(run: Run, bar: Bar, found: Sequence[Metric]) -> list[Figure]:
    """Workloads that were squeezed by ours so far, and of which none of the times is a result."""
    if run.state is not RunState.PASSED or not bar.name.startswith(SLOWDOWN):
        return []
    ram = int(bar.name.removeprefix(SLOWDOWN))
    measured = {m.labels.get("workload") for m in found}
    why: dict[Scalar, str] = {}
    for m in run.metrics:
        workload = m.labels.get("workload", "")
        if m.labels.get("technique") != OURS or m.labels.get("ram") != ram or workload in measured:
            continue
        if m.name == "over_slice":
            why[workload] = f"the guest held {m.value * PAGE_KIB / 1024:.1f} MiB more than it may"
        elif m.name == "unfinished":
            why[workload] = f"it did not finish in {m.value:g} s"
        elif m.name == "survived" and not m.value:
            why[workload] = "it was killed"
    return [
        Figure(bar, None, {**run.dimensions, "workload": workload, "ram": ram}, words)
        for workload, words in why.items()
    ]


def figures_table(run: Run) -> Group:
    """For people: name, value, bar, met; below it in words what is not measured, and at what."""
    found = figures(run)
    table = Table()
    for column in ("figure", "value", "unit", "bar", "", "at"):
        right = column in ("value", "bar")
        # The names are what one looks for, and types: they are never cut.
        table.add_column(column, justify="right" if right else "left", no_wrap=column == "figure")
    for figure in found:
        if figure.value is None:
            continue
        bar = figure.bar
        own = {k: v for k, v in figure.dimensions.items() if run.dimensions.get(k) != v}
        verdict = "[green]met[/]" if figure.met else "[red]not met[/]"
        at = " ".join(f"{k}={v}" for k, v in own.items())
        table.add_row(bar.name, f"{figure.value:.4g}", bar.unit, str(bar), verdict, at)
    missing = ", ".join(f.bar.name for f in found if f.value is None and not f.why)
    without = [f"{f.bar.name}, {f.dimensions['workload']}: {f.why}" for f in found if f.why]
    at = ", ".join(f"{k}={v}" for k, v in run.dimensions.items())
    return Group(
        Text(f"{run.path.name} ({run.state})", style="bold"),
        *([table] if table.row_count else []),
        *(Text(f"no result: {words}", style="red") for words in without),
        Text(f"not measured: {missing}" if missing else "all are measured", style="dim"),
        Text(f"at {at}", style="dim"),
    )
