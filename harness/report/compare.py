# SPDX-License-Identifier: GPL-2.0-or-later
"""``harness compare``: runs, or the techniques of one run, held against each other.

Counts are compared exactly; times by a permutation test, with ten samples of each at least. A run
that failed, and a technique that did nothing, are left out and named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.errors import UsageError
from harness.report.permutation import Difference, difference
from harness.report.run import Run, RunState
from harness.report.values import (
    Value,
    differs,
    idle_techniques,
    number,
    technique_of,
    values_of,
)

# Units of what is counted; all others are measured, and never twice the same.
COUNTS = (
    *("pages", "bytes", "KiB", "MiB", "objects", "events", "runs"),
    *("guests", "applications", "kills"),
)
# Emulator time and what is made of it varies from run to run; instructions hardly do.
SAMPLES = 10
SURE = 0.01
# Labels that number samples instead of telling what was measured.
NUMBERING = ("repetition", "order")

Key = tuple[str, str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Row:
    """One quantity on two sides.

    what:    its name and labels
    first, second: the count, or the median of the samples
    verdict: in words
    differ:  None when there are too few samples to tell
    """

    what: str
    unit: str
    first: float
    second: float
    samples: tuple[int, int]
    verdict: str
    differ: bool | None
    test: Difference | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that two or more sides have in common, each held against the first."""

    base: str
    sides: dict[str, list[Row]]
    left_out: Sequence[str]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def compare(runs: Sequence[Run]) -> Comparison:
    """Hold runs against the first of them; a single run's techniques against its first.

    Raises UsageError when fewer than two sides are results, or have nothing in common.
    """
    left_out = [
        f"{run.path.name}: {run.state}, no result"
        for run in runs
        if run.state is not RunState.PASSED
    ]
    good = [run for run in runs if run.state is RunState.PASSED]
    left_out += [
        f"{run.path.name}: technique {name} did nothing"
        for run in good
        for name in sorted(idle_techniques(run))
    ]
    by_technique = len(runs) == 1
    sides = _sides(good, by_technique=by_technique)
    if len(sides) == 1 and len(good) > 1:
        # All were made the same way: whether a run says again what it said is the question.
        sides = {str(run.path): side for run in good for side in _sides([run]).values()}
    if len(sides) < 2:
        raise UsageError(
            "there is nothing to compare: fewer than two sides are results",
            where=", ".join(left_out) or "one run with one technique",
            hint="harness compare RUN RUN",
        )
    (base, first), *others = sides.items()
    rows = {name: _rows(first, second) for name, second in others}
    if not any(rows.values()):
        raise UsageError("these runs have no quantity in common", hint="harness figures RUN")
    return Comparison(base, rows, left_out)


def _sides(runs: Sequence[Run], *, by_technique: bool = False) -> dict[str, dict[Key, list[Value]]]:
    """What each side measured. Runs that were made the same way are samples of one side."""
    sides: dict[str, dict[Key, list[Value]]] = {}
    for value in values_of(runs):
        if not value.active or value.own.get("sample") == "clock":
            continue
        if by_technique:
            if "technique" not in value.own:
                continue
            side = technique_of(value)
        else:
            side = _name(value.run, runs)
        # The technique is what is compared, or part of what tells the runs apart.
        skipped = (*NUMBERING, *(("technique",) if by_technique else ()))
        labels = tuple(sorted((k, str(v)) for k, v in value.own.items() if k not in skipped))
        key = value.name, value.unit, labels
        sides.setdefault(side, defaultdict(list))[key].append(value)
    return sides


def _name(run: Run, runs: Sequence[Run]) -> str:
    told = differs(run, runs)
    hashes = [
        f"{name} {digest}"
        for name, digest in run.info["hashes"].items()
        if any(other.info["hashes"].get(name) != digest for other in runs)
    ]
    return ", ".join(filter(None, [told, *hashes])) or "the same"


def _rows(first: dict[Key, list[Value]], second: dict[Key, list[Value]]) -> list[Row]:
    return [_row(key, first[key], second[key]) for key in first if key in second]


def _row(key: Key, first: Sequence[Value], second: Sequence[Value]) -> Row:
    name, unit, labels = key
    what = " ".join([name, *(f"{k}={v}" for k, v in labels)])
    a, b = [v.value for v in first], [v.value for v in second]
    if unit in COUNTS:
        return _exact(what, unit, a, b)
    if min(len(a), len(b)) < SAMPLES:
        first_middle, second_middle = _middle(a), _middle(b)
        off = f"{second_middle / first_middle - 1:+.1%}; " if first_middle else ""
        verdict = f"{off}{len(a)} and {len(b)} samples: too few to tell ({SAMPLES} wanted)"
        return Row(what, unit, first_middle, second_middle, (len(a), len(b)), verdict, None)
    pairs = _pairs(first, second)
    if pairs is not None:
        a, b = [x.value for x, _ in pairs], [y.value for _, y in pairs]
    test = difference(a, b, paired=pairs is not None)
    differ = test.p < SURE
    return Row(
        what,
        unit,
        _middle(a),
        _middle(b),
        (len(a), len(b)),
        _words(test, differ) + _order(pairs),
        differ,
        test,
    )


def _exact(what: str, unit: str, a: Sequence[float], b: Sequence[float]) -> Row:
    one, other = _middle(a), _middle(b)
    steady = len(set(a)) == 1 and len(set(b)) == 1
    if steady and one == other:
        verdict, differ = "the same", False
    else:
        gap = other - one
        share = f", {gap / one:+.1%}" if one else ""
        verdict = f"{'more' if gap > 0 else 'fewer'} by {number(abs(gap))} {unit}{share}"
        if not gap:
            verdict = "the same in the middle"
        if not steady:
            verdict += f"; not the same each time ({_span(a)} and {_span(b)})"
        differ = True
    return Row(what, unit, one, other, (len(a), len(b)), verdict, differ)


def _words(test: Difference, differ: bool) -> str:
    sure = f"p {test.p:.4f}, {'paired' if test.paired else 'unpaired'}"
    if not differ:
        return f"no difference that chance would not explain ({sure})"
    by = "" if test.ratio is None else f" by {abs(test.ratio):.1%}"
    side = "more" if test.delta > 0 else "less"
    return f"{side}{by}; the effect is {test.size} (delta {test.delta:+.2f}, {sure})"


def _pairs(first: Sequence[Value], second: Sequence[Value]) -> list[tuple[Value, Value]] | None:
    """Samples of the same repetition of the same run beside each other, if there are enough."""

    def numbered(values: Sequence[Value]) -> dict[tuple[str, str], Value]:
        return {
            (str(v.run.path), str(v.own["repetition"])): v for v in values if "repetition" in v.own
        }

    a, b = numbered(first), numbered(second)
    common = [key for key in a if key in b]
    if len(common) < SAMPLES or len(a) < len(first) or len(b) < len(second):
        return None
    return [(a[key], b[key]) for key in common]


def _order(pairs: Sequence[tuple[Value, Value]] | None) -> str:
    """What came first matters: whatever drifts is held against the second."""
    orders = {x.own.get("order") for x, _ in pairs or ()} - {None}
    return "; always in the same order" if len(orders) == 1 else ""


def _middle(values: Sequence[float]) -> float:
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _span(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return number(low) if low == high else f"{number(low)} to {number(high)}"
