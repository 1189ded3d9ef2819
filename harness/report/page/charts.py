# SPDX-License-Identifier: GPL-2.0-or-later
"""A chart, as the document that plotly.js draws; and memory over time.

Colours come from the page (``report.js``), which knows whether it is dark: a trace says ``meta`` =
the role that it plays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.report.books import PAGE_KIB
from harness.report.run import Run

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
# The same in every chart; ours stands out, and its ablations are dashed.
COLOURS = {
    "none": ("#8a939d", "solid"),
    "kill": ("#c43d4b", "solid"),
    "zram": ("#d9822b", "solid"),
    "zswap": ("#7a7f1f", "solid"),
    "flash-swap": ("#8a6d5a", "solid"),
    "ksm": ("#b04ec2", "solid"),
    "mem-compress": ("#3b6fd4", "solid"),
    "mem-compress:no-ageing": ("#2aa3b5", "dash"),
    "mem-compress:no-same-filled": ("#c79a2b", "dash"),
    "mem-compress:no-hints": ("#2f9e6b", "dot"),
    "mem-compress:no-discard": ("#7c9bea", "dashdot"),
    "mem-compress:whole-memory-scan": ("#5b4fc4", "longdash"),
}


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
    log_y: bool = False
    most_y: float | None = None
    categories: bool = False
    percent: bool = False

    def document(self) -> dict[str, Any]:
        """For ``report.js``."""
        kind = "category" if self.categories else "log" if self.log_x else "linear"
        return {
            "data": list(self.traces),
            "x": {"title": self.x, "type": kind},
            "y": {
                "title": self.y,
                "type": "log" if self.log_y else "linear",
                "percent": self.percent,
                "most": self.most_y,
            },
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
        # An area in which nothing ever happens shows nothing.
        if len(full) < 2 or len({tuple(sorted(m.items())) for m in full.values()}) < 2:
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


def line_of(technique: str) -> dict[str, Any]:
    """How a technique is drawn, in every chart."""
    colour, dash = COLOURS.get(technique, (None, "solid"))
    wide = 3 if technique == "mem-compress" else 2
    return {"dash": dash, "width": wide} | ({"color": colour} if colour else {})
