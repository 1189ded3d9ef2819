# SPDX-License-Identifier: GPL-2.0-or-later
"""Charts that hold techniques against each other: the squeeze curves, and bars."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from harness.report.figures import BARS
from harness.report.page.charts import Chart, Trace, line_of
from harness.report.page.facts import label_of
from harness.report.run import Scalar
from harness.report.values import Value, number, technique_of

# Beyond twice the time a curve would press all others flat: it is told below the chart.
MOST_SLOWDOWN = 1.0
# Of no technique, and seen on white and on black.
BAR = "#e8308c"


def squeeze_charts(values: Iterable[Value]) -> list[Chart]:
    """Slowdown over memory, a chart a workload, a line a technique, and the bars."""
    lines: dict[str, dict[str, dict[float, list[float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for value in values:
        ram = value.dimensions.get("ram")
        if value.name == "slowdown" and isinstance(ram, (int, float)) and value.active:
            workload = str(value.dimensions.get("workload", "workload"))
            lines[workload][technique_of(value)][float(ram)].append(value.value)
    return [_squeeze(workload, by_technique) for workload, by_technique in lines.items()]


def _squeeze(workload: str, by_technique: Mapping[str, Mapping[float, list[float]]]) -> Chart:
    curves = {
        technique: {ram: sum(v) / len(v) for ram, v in sorted(points.items(), reverse=True)}
        for technique, points in by_technique.items()
    }
    every = [slowdown for points in curves.values() for slowdown in points.values()]
    beyond = [
        f"{technique} at {ram:g} %: {number(slowdown * 100)} %"
        for technique, points in curves.items()
        for ram, slowdown in points.items()
        if slowdown > MOST_SLOWDOWN
    ]
    note = "Mean of the repetitions, over the same work with all of its memory."
    if beyond:
        note += f" Above the chart: {', '.join(beyond)}."
    traces: list[Trace] = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": technique,
            "line": line_of(technique),
            "x": list(points),
            "y": [round(slowdown, 5) for slowdown in points.values()],
        }
        for technique, points in curves.items()
    ]
    held = {bar.name: bar.bound for bar in BARS}
    rams = {ram for points in curves.values() for ram in points}
    bars = {ram: held[f"slowdown_{ram:g}"] for ram in rams if f"slowdown_{ram:g}" in held}
    if bars:
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": "the bar",
                "marker": {
                    "symbol": "line-ew-open",
                    "size": 22,
                    "color": BAR,
                    "line": {"width": 3},
                },
                "line": {"color": BAR},
                "x": sorted(bars, reverse=True),
                "y": [bars[ram] for ram in sorted(bars, reverse=True)],
            }
        )
    return Chart(
        f"squeeze-{workload}",
        workload,
        traces,
        "% of the nominal memory",
        "slowdown",
        note,
        most_y=min(max(every) * 1.1, MOST_SLOWDOWN) if beyond else None,
        percent=True,
    )


def technique_charts(values: Sequence[Value]) -> list[Chart]:
    """What several techniques, or ablations of ours, measured under one name: a bar each."""
    Name = tuple[str, str, Scalar]
    found: dict[Name, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for value in values:
        own = value.own
        # A sample is for memory over time: what was recorded of the technique is the result.
        if value.active and value.name in COMPARED and "technique" in own and "sample" not in own:
            key = value.name, value.unit, own.get("ram")
            found[key][technique_of(value)].append(value.value)
    return [
        Chart(
            f"technique-{name}" + (f"-{ram}" if ram is not None else ""),
            COMPARED[name] + (f", with {ram} % of the memory" if ram is not None else ""),
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
            _mean_of(by_technique),
            categories=True,
        )
        for (name, unit, ram), by_technique in found.items()
        if len(by_technique) > 1
    ]


def _mean_of(by_technique: Mapping[str, Sequence[float]]) -> str:
    most = max(len(found) for found in by_technique.values())
    return f"Mean of up to {most} guests, workloads and repetitions." if most > 1 else ""


# What is told of every technique, beside the squeeze curves, and how it is called.
COMPARED = {
    "gained": "Memory gained",
    "guests_hosted": "VMs that fit on the same board, every byte of them verified",
    "apps_alive": "Applications alive",
    "kills": "Processes killed",
    "pages_looked_at": "Pages looked at",
}
