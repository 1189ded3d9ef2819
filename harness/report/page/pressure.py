# SPDX-License-Identifier: GPL-2.0-or-later
"""How each guest fared for memory over time: who waited, what its driver won, who was killed."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence

from harness.report.books import PAGE_KIB
from harness.report.page.charts import Chart, Trace
from harness.report.run import Run

PREFIX = "pressure_"
MIB = PAGE_KIB / 1024
# All of one sample were recorded within so many seconds of each other.
TOGETHER_S = 0.05
WAITS = {"some_us": "somebody", "full_us": "everybody"}
READ = {
    *("some_us", "full_us", "kills", "lmkd_kills", "requests", "compressed", "oom_averted"),
    *("gained", "grown"),
}
Moments = Sequence[tuple[float, Mapping[str, float]]]


def pressure_charts(run: Run) -> list[Chart]:
    """Two charts for each guest of each profile that waited for memory, or whose driver asked."""
    found = []
    for (guest, profile), seen in _moments(run).items():
        # What was cut short is no sample.
        moments = [(at, m) for at, m in seen if m.keys() >= READ]
        last = moments[-1][1] if moments else {}
        # Of two samples there is one share of the time, and a line needs two.
        if len(moments) < 3 or not (last["some_us"] or last["requests"]):
            continue
        whose = f"{guest}, profile {profile}"
        kills = max(m["kills"] + m["lmkd_kills"] for _, m in moments)
        note = f"{kills:.0f} processes of it were killed for memory since it was booted."
        asked = (
            f"The driver sent {last['requests']:.0f} requests, {last['compressed']:.0f} pages were"
            f" compressed by them, and {last['oom_averted']:.0f} times it grew where the kernel"
            " was about to kill."
        )
        found += [
            Chart(
                f"waits-{guest}-{profile}",
                f"Waiting for memory: {whose}",
                _waits(moments),
                "seconds",
                "share of the time",
                note,
                percent=True,
            ),
            Chart(
                f"won-{guest}-{profile}",
                f"Gained and grown: {whose}",
                _lines(moments, {"gained": "gained", "grown": "grown beyond its slice"}, MIB),
                "seconds",
                "MiB",
                asked,
            ),
        ]
    return found


def _moments(run: Run) -> dict[tuple[str, str], Moments]:
    seen: dict[tuple[str, str], list[tuple[float, dict[str, float]]]] = defaultdict(list)
    for metric in run.metrics:
        guest, profile = metric.labels.get("guest"), metric.labels.get("profile")
        if not metric.name.startswith(PREFIX) or metric.labels.get("sample") is None:
            continue
        moments = seen[str(guest), str(profile)]
        if not moments or metric.t_s - moments[-1][0] > TOGETHER_S:
            moments.append((metric.t_s, {}))
        moments[-1][1][metric.name.removeprefix(PREFIX)] = metric.value
    return dict(seen)


def _waits(moments: Moments) -> list[Trace]:
    """Between one sample and the next."""
    shares = [
        (at, {name: (now[name] - then[name]) / (at - before) / 1e6 for name in WAITS})
        for (before, then), (at, now) in itertools.pairwise(moments)
    ]
    return _lines(shares, WAITS, 1)


def _lines(moments: Moments, names: Mapping[str, str], scale: float) -> list[Trace]:
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": title,
            "x": [round(at, 2) for at, _ in moments],
            "y": [round(m[name] * scale, 4) for _, m in moments],
        }
        for name, title in names.items()
    ]
