# SPDX-License-Identifier: GPL-2.0-or-later
"""A chart of the report as an SVG of a few KiB: for a README, which cannot draw for itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from harness.report.page.charts import Chart, Trace

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 34, 44
LETTER, LINE = 7.3, 16
# As report.js has them; legible on white and on GitHub's dark grey alike.
PALETTE = ("#3b6fd4", "#d9822b", "#2f9e6b", "#b04ec2", "#c43d4b", "#7a7f1f", "#2aa3b5", "#8a6d5a")
ROLES = {
    "solid": "#3b6fd4",
    "resident": "#3b6fd4",
    "spent": "#d9822b",
    "lzo": "#1f8a5b",
    "same": "#57b98a",
    "discarded": "#a5d6bd",
    "ballooned": "#9aa3ad",
}
TEXT, GRID = "#6b7683", "#9aa3ad55"


def picture(chart: Chart) -> str:
    """The chart as SVG: areas on each other, bars by category, or lines."""
    bars = chart.categories
    stacked = any(trace.get("stackgroup") for trace in chart.traces)
    levels = _levels(chart.traces) if stacked else [list(map(float, t["y"])) for t in chart.traces]
    low = min(0.0, *(min(y) for y in levels if y))
    most = max(max(y) for y in levels if y)
    ticks = _ticks(low, most if chart.most_y is None else chart.most_y)
    xs = [float(x) for trace in chart.traces for x in trace["x"]] if not bars else []
    first, last = (min(xs), max(xs)) if xs else (0.0, 1.0)

    legend = chart.traces if len(chart.traces) > 1 else []
    top = TOP + LINE * len(_rows(legend))

    def x_of(value: float) -> float:
        return LEFT + (value - first) / ((last - first) or 1.0) * (WIDTH - LEFT - RIGHT)

    def y_of(value: float) -> float:
        span = (ticks[-1] - ticks[0]) or 1.0
        return HEIGHT - BOTTOM - (value - ticks[0]) / span * (HEIGHT - BOTTOM - top)

    parts = [_text(LEFT, 16, chart.title, anchor="start", weight=600), *_legend(legend)]
    # What is beyond the chart is cut off at its edge: it would lie over the legend.
    parts.append(
        f'<clipPath id="within"><path d="M{LEFT - 8} {top - 4}H{WIDTH}V{HEIGHT}H{LEFT - 8}Z"/>'
        "</clipPath>"
    )
    for tick in ticks:
        y = y_of(tick)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{GRID}"/>')
        parts.append(_text(LEFT - 6, y + 4, _label(tick, percent=chart.percent), anchor="end"))
    if bars:
        parts += _bars(chart, y_of, ticks[0])
    else:
        for tick in _within(xs) if stacked else _marks(xs):
            parts.append(_text(x_of(tick), HEIGHT - BOTTOM + 16, _label(tick)))
        parts.append('<g clip-path="url(#within)">')
        for number in reversed(range(len(chart.traces))):
            trace, ys = chart.traces[number], levels[number]
            points = [
                f"{x_of(float(x)):.1f} {y_of(y):.1f}" for x, y in zip(trace["x"], ys, strict=True)
            ]
            line = "M" + "L".join(points)
            colour = _colour(trace, number)
            if trace["mode"] == "markers":
                parts += [_dash(p.split(), colour) for p in points]
            elif stacked:
                floor = y_of(ticks[0])
                ends = f"L{x_of(last):.1f} {floor:.1f}L{x_of(first):.1f} {floor:.1f}Z"
                parts.append(f'<path d="{line}{ends}" fill="{colour}"/>')
            else:
                parts.append(f'<path d="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
                parts += [
                    f'<circle cx="{p[0]}" cy="{p[1]}" r="3" fill="{colour}"/>'
                    for p in (point.split() for point in points)
                ]
                parts += [
                    _text(float(x_of(float(x))), top + 8, "\u25b2", more=f'fill="{colour}"')
                    for x, y in zip(trace["x"], ys, strict=True)
                    if y > ticks[-1]
                ]
        parts.append("</g>")
    parts.append(_text(WIDTH / 2, HEIGHT - 8, chart.x))
    middle = (top + HEIGHT - BOTTOM) / 2
    turned = f'transform="rotate(-90 14 {middle:.0f})"'
    parts.append(_text(14, middle, chart.y, more=turned))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}"'
        f' font-family="system-ui, sans-serif" font-size="12" fill="{TEXT}">\n{body}\n</svg>\n'
    )


def _levels(traces: Sequence[Trace]) -> list[list[float]]:
    """The upper edge of each area, the first lowest."""
    found: list[list[float]] = []
    below = [0.0] * len(traces[0]["y"])
    for trace in traces:
        below = [b + float(y) for b, y in zip(below, trace["y"], strict=True)]
        found.append(below)
    return found


def _bars(chart: Chart, y_of: object, floor: float) -> list[str]:
    assert callable(y_of)
    (trace,) = chart.traces
    each = (WIDTH - LEFT - RIGHT) / len(trace["x"])
    parts = []
    for number, (name, value) in enumerate(zip(trace["x"], trace["y"], strict=True)):
        x, y = LEFT + each * number, y_of(float(value))
        height = abs(y_of(max(0.0, floor)) - y)
        parts.append(
            f'<rect x="{x + each * 0.15:.1f}" y="{min(y, y_of(max(0.0, floor))):.1f}"'
            f' width="{each * 0.7:.1f}" height="{height:.1f}" fill="{_colour(trace, number)}"/>'
        )
        parts.append(
            _text(x + each / 2, min(y, y_of(0.0)) - 4, _label(float(value), percent=chart.percent))
        )
        # What does not fit beside its neighbour goes in two lines.
        words = str(name).split(":") if len(str(name)) * LETTER > each else [str(name)]
        for line, word in enumerate(words):
            parts.append(_text(x + each / 2, HEIGHT - BOTTOM + 14 + 13 * line, word))
    return parts


def _rows(traces: Sequence[Trace]) -> list[list[tuple[int, Trace]]]:
    """The legend in rows that are no wider than the chart."""
    rows: list[list[tuple[int, Trace]]] = []
    used = math.inf
    for number, trace in enumerate(traces):
        wide = 26 + len(str(trace["name"])) * LETTER
        if used + wide > WIDTH - LEFT - RIGHT:
            rows.append([])
            used = 0.0
        rows[-1].append((number, trace))
        used += wide
    return rows


def _legend(traces: Sequence[Trace]) -> list[str]:
    parts = []
    for line, row in enumerate(_rows(traces)):
        x, y = float(LEFT), TOP + LINE * line
        for number, trace in row:
            name = str(trace["name"])
            colour = _colour(trace, number)
            if trace.get("mode") == "markers":
                parts.append(_dash((f"{x + 5:.0f}", f"{y - 4}"), colour, half=5))
            else:
                square = f'y="{y - 9}" width="10" height="10" fill="{colour}"'
                parts.append(f'<rect x="{x:.0f}" {square}/>')
            parts.append(_text(x + 15, y, name, anchor="start"))
            x += 26 + len(name) * LETTER
    return parts


def _colour(trace: Trace, number: int) -> str:
    own = trace.get("line", {}).get("color") or PALETTE[number % len(PALETTE)]
    return ROLES.get(str(trace.get("meta")), str(own))


def _dash(at: Sequence[str], colour: str, *, half: int = 8) -> str:
    """A bar that is to be met, at a point."""
    path = f"M{float(at[0]) - half:.1f} {at[1]}h{2 * half}"
    return f'<path d="{path}" stroke="{colour}" stroke-width="3"/>'


def _marks(xs: Sequence[float]) -> list[float]:
    """Where the axis below is labelled: at what there is, when that is a handful."""
    own = sorted(set(xs))
    if len(own) <= 6:
        return own
    return _within(own)


def _within(xs: Sequence[float]) -> list[float]:
    first, last = min(xs), max(xs)
    return [tick for tick in _ticks(first, last) if first <= tick <= last]


def _ticks(low: float, high: float) -> list[float]:
    """About five round numbers, from at most ``low`` to at least ``high``."""
    rough = ((high - low) or abs(high) or 1.0) / 5
    unit = 10 ** math.floor(math.log10(rough))
    step = next(unit * m for m in (1, 2, 5, 10) if unit * m >= rough)
    first = math.floor(low / step)
    return [step * n for n in range(first, math.ceil(high / step) + 1)]


def _label(value: float, *, percent: bool = False) -> str:
    return f"{value:.0%}" if percent else f"{round(value, 6):,g}"


def _text(
    x: float, y: float, text: str, *, anchor: str = "middle", weight: int = 400, more: str = ""
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}"'
        f"{' ' + more if more else ''}>{escape(text)}</text>"
    )
