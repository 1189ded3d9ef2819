# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables of what techniques save and cost: guests, time, requests to flash, latency."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from harness.report.page import facts
from harness.report.page.facts import PAGES_PER_MIB
from harness.report.page.markdown import Table
from harness.report.run import Run, RunState
from harness.report.values import (
    NONE,
    OURS,
    Value,
    at,
    idle_techniques,
    number,
    technique_of,
)

Row = tuple[str, str, str]
# Told in a table of their own, with what they are.
RATIOS = {
    "neighbour_slowdown": "a guest that works, beside an idle one that is compressed",
    "wake_slowdown": "an idle guest reads all it holds, compressed before or not",
    "wake_slowdown_hinted": "the same after its driver's hint, without the time that this took",
    "boot_slowdown": "guests that boot together, with the controller or without",
    "overcommit": "nominal memory of guests at work at once, over the frames there are",
}
WAKING = (
    "Of steady work, and, where it differs, of the first go after a rest, in which all that is in"
    " use grew old: it comes back where it was compressed, and where Xen keeps access flags each"
    " page faults after each sweep until it is known to be in use again, then after one in eight."
)
APPLICATIONS = {
    "apps_alive": "applications alive",
    "launch_ms": "from the intent to the first answer, none running before",
    "switch_ms": "one that runs is brought to the front",
    "wake_ms": "the same, when all that is idle was compressed before",
    "burst_survivors": "share alive after one of them took so much at once",
    "verify_ms": "its whole heap is read and compared",
    "lmkd_kills": "killed by Android's low-memory killer, in all",
}
# Each record has what is new since the one before.
COUNTED = ("lmkd_kills",)


def hosted(values: Sequence[Value]) -> Table:
    """A row a technique: how many guests fit, and what kept the next one out."""
    return Table(
        "VMs that fit",
        ("technique", "workload", "guests", "slice of each", "what ended it"),
        [
            (
                technique_of(v),
                str(v.own.get("workload", "")),
                number(v.value),
                f"{v.own['slice_mib']} MiB" if v.own.get("slice_mib") else "all of its memory",
                str(v.own.get("why", "")),
            )
            for v in values
            if v.name == "guests_hosted"
        ],
    )


def slowdown(values: Sequence[Value]) -> Table:
    """A row a scenario, workload and technique, a column a share of memory: mean of the repetitions
    that are results, and what became of the others."""
    late: dict[Row, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    took: dict[Row, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    woke: dict[Row, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    over: dict[Row, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    killed: dict[Row, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    rows: dict[Row, None] = {}
    rams: set[int] = set()
    for v in values:
        if v.name not in ("slowdown", "slowdown_waking", "survived", "over_slice", "unfinished"):
            continue
        row = str(v.run.info["scenario"]), str(v.own["workload"]), technique_of(v)
        ram = int(str(v.own["ram"]))
        rows[row] = None
        if v.name == "slowdown":
            took[row][ram].append(v.value)
        elif v.name == "slowdown_waking":
            woke[row][ram].append(v.value)
        elif v.name == "over_slice":
            over[row][ram].append(v.value)
        elif v.name == "unfinished":
            late[row][ram].append(v.value)
        elif not v.value:
            killed[row][ram] += 1
        if v.name != "survived" or not v.value:
            rams.add(ram)

    def cell(row: Row, ram: int) -> str:
        words = []
        if took[row][ram]:
            words.append(_more(took[row][ram]))
            waking = _more(woke[row][ram]) if woke[row][ram] else words[0]
            words += [f"{waking} waking"] if waking != words[0] else []
        if over[row][ram]:
            words.append(f"held {fmean(over[row][ram]) / PAGES_PER_MIB:.1f} MiB too much")
        if late[row][ram]:
            words.append(f"did not finish in {max(late[row][ram]):g} s")
        if killed[row][ram]:
            words.append("killed" if not words else f"killed {killed[row][ram]} times")
        return "; ".join(words)

    ordered = sorted(rams, reverse=True)
    head = ("scenario", "workload", "technique", *(f"{ram} %" for ram in ordered))
    found = [(*row, *(cell(row, ram) for ram in ordered)) for row in rows]
    return Table("Slowdown with less memory", head, found, WAKING if woke else "")


def _more(found: Sequence[float]) -> str:
    # Nothing that is shown is less than nothing.
    return f"{round(fmean(found), 3) + 0.0:+.1%}"


def flash(values: Sequence[Value]) -> Table:
    """What was asked of the device in each cell that was worked through, and what that would take
    on a real one."""
    keys = ("reads", "read_bytes", "writes", "written_bytes", "derived_us")
    cells: dict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
    for v in values:
        name = v.name.removeprefix("technique_")
        if name in keys and "ram" in v.own:
            scenario = str(v.run.info["scenario"])
            cell = scenario, str(v.own["workload"]), technique_of(v), f"{v.own['ram']} %"
            cells[cell][name] = cells[cell].get(name, 0.0) + v.value
    head = (
        "scenario",
        "workload",
        "technique",
        "memory",
        "reads",
        "MiB",
        "writes",
        "MiB",
        "derived",
    )
    rows = [
        (
            *cell,
            number(found.get("reads")),
            f"{found.get('read_bytes', 0) / 2**20:.1f}",
            number(found.get("writes")),
            f"{found.get('written_bytes', 0) / 2**20:.1f}",
            f"{found.get('derived_us', 0) / 1e6:.1f} s",
        )
        for cell, found in cells.items()
    ]
    return Table("Time on flash", head, rows, facts.FLASH)


def latency(runs: Sequence[Run]) -> Table:
    """Of runs that count instructions: what the controller does, and what a guest's read takes."""
    head = ("scenario", "what", "technique", "content", "count", "mean", "p50", "p99", "max")
    return Table(
        "Latency, in instructions",
        head,
        [
            (
                str(run.info["scenario"]),
                str(record["name"]),
                str(record["labels"].get("technique", OURS)),
                _of_what(record["labels"]),
                f"{record['count']:,}",
                *(f"{n:,.0f}" for n in (record["sum"] / record["count"], *_quantiles(record))),
                f"{record['max']:,.0f}",
            )
            for run in runs
            if run.state is RunState.PASSED and run.dimensions.get("icount", "off") != "off"
            for record in run.histograms
            if record["count"] and not record["labels"].get("repetition")
        ],
    )


def _of_what(labels: Mapping[str, object]) -> str:
    if "ram" in labels:
        return f"{labels['workload']}, {labels['ram']} %"
    return str(labels.get("content", ""))


def _quantiles(record: Mapping[str, Any]) -> list[float]:
    found = []
    for share in (0.5, 0.99):
        sums = itertools.accumulate(n for _, n in record["buckets"])
        at = next(n for n, so_far in enumerate(sums) if so_far >= share * record["count"])
        found.append(float(record["buckets"][at][0]))
    return found


def applications(values: Sequence[Value]) -> Table:
    """Mean of each, and of how many; of what is counted step by step the sum."""
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for v in values:
        if v.name in APPLICATIONS:
            key = v.name, str(v.own.get("compared", technique_of(v))), v.unit
            found[key].append(v.value)
    head = ("what", "", "technique", "mean or sum", "highest", "of")
    return Table(
        "Applications on Android",
        head,
        [
            (
                name,
                APPLICATIONS[name],
                technique,
                f"{sum(each) if name in COUNTED else fmean(each):,.4g} {unit}",
                f"{max(each):,.4g}",
                f"{len(each)}",
            )
            for (name, technique, unit), each in found.items()
        ],
    )


def ratios(values: Sequence[Value]) -> Table:
    """Neighbours and storms: how much longer, and by how much memory was promised twice."""
    return Table(
        "Neighbours and storms",
        ("what", "", "value", "at"),
        [
            (v.name, RATIOS[v.name], f"{v.value:.3f}", at(v.run, v.dimensions))
            for v in values
            if v.name in RATIOS
        ],
    )


def techniques(runs: Sequence[Run]) -> Table:
    """A row a run and technique: in how many cells it was at work, and all that it counted."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    idle: set[tuple[str, str]] = set()
    for run in runs:
        if run.state is not RunState.PASSED:
            continue
        scenario = str(run.info["scenario"])
        idle |= {(scenario, name) for name in idle_techniques(run)}
        for m in run.metrics:
            if m.name == "technique_count":
                found[scenario, str(m.labels.get("technique"))].append(m.value)
    return Table(
        "Techniques by their own counters",
        ("scenario", "technique", "times", "counted", ""),
        [
            (*key, f"{len(each)}", number(sum(each)), _verdict(key, idle))
            for key, each in found.items()
        ],
    )


def _verdict(key: tuple[str, str], idle: set[tuple[str, str]]) -> str:
    if key[1] == NONE:
        return "nothing to count but kills"
    return "inactive: left out" if key in idle else "active"
