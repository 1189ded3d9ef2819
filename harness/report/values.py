# SPDX-License-Identifier: GPL-2.0-or-later
"""Metrics of several runs with all of their dimensions, and which of them count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.report.run import Run, RunState, Scalar

OURS = "mem-compress"
NONE = "none"


@dataclass(frozen=True, slots=True)
class Value:
    """A metric of a run with all of its dimensions."""

    run: Run
    name: str
    value: float
    unit: str
    own: Mapping[str, Scalar]
    """Its labels alone."""
    active: bool
    """Whether its technique did anything, in a run that counts."""

    @property
    def dimensions(self) -> dict[str, Scalar]:
        return dict(self.run.dimensions) | dict(self.own)


def values_of(runs: Iterable[Run]) -> list[Value]:
    """Every metric; those of a failed run, or of a technique that did nothing, are not active."""
    found = []
    for run in runs:
        idle = idle_techniques(run)
        for m in run.metrics:
            technique = m.labels.get("technique", run.dimensions.get("technique", OURS))
            active = run.state is RunState.PASSED and technique not in idle
            found.append(Value(run, m.name, m.value, m.unit, m.labels, active))
    return found


def idle_techniques(run: Run) -> set[str]:
    """Techniques whose own counter says that they did nothing."""
    counts: dict[str, float] = defaultdict(float)
    for metric in run.metrics:
        if metric.name == "technique_count":
            counts[str(metric.labels.get("technique"))] += metric.value
    # There is nothing that "none" could count.
    return {name for name, count in counts.items() if not count and name != NONE}


def technique_of(value: Value) -> str:
    return str(value.dimensions.get("technique", OURS))


def at(run: Run, dimensions: Mapping[str, Scalar]) -> str:
    """The dimensions that are the value's own, beside the run's."""
    left = {k: v for k, v in dimensions.items() if run.dimensions.get(k) != v}
    return ", ".join(f"{k} {v}" for k, v in left.items() if v is not None)


def differs(run: Run, runs: Sequence[Run]) -> str:
    """The dimensions that tell a run from the others it is shown with."""

    def common(key: str, value: Scalar) -> bool:
        # A run that failed early knows little of itself: that is no difference.
        return all(other.dimensions.get(key, value) == value for other in runs)

    return ", ".join(f"{k} {v}" for k, v in run.dimensions.items() if not common(k, v))


def number(value: float | None) -> str:
    """Short for people."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
