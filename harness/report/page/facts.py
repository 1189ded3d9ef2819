# SPDX-License-Identifier: GPL-2.0-or-later
"""Sentences and tables out of runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from harness.report.books import PAGE_KIB
from harness.report.figures import Figure, figures
from harness.report.run import Run, RunState
from harness.report.values import OURS, Value, at, idle_techniques, number

# The paper's Table 1, in MB: alone on the board, and beside another guest under Xen on ARM.
PAPER_TABLE_1: Mapping[str, Mapping[str, int]] = {
    "linux": {"native": 8, "virtualized": 22},
    "android": {"native": 96, "virtualized": 104},
}
SLOWDOWNS = ("slowdown_60", "slowdown_50", "slowdown_40")
MODES = ("native", "virtualized", "compressed")
TABLE_1 = (
    "Beside the paper's Table 1, whose board was a real one, whose Linux had its root on flash and"
    " no network service, and whose Android was a release; the column with compression was its"
    " future work. Our Linux has no disk: its whole image (10 MiB, and 4 MiB of archive until it is"
    " unpacked) is in memory, beside a kernel that takes 11 MiB with its tables, an ssh server and"
    " the program that is verified. Alone it needs hardly less than under Xen, for QEMU's board has"
    " devices (PCI Express, virtio) that Xen's has not. With compression it boots with its nominal"
    " memory; what is told is the slice of the host's frames that it then lives in, store and"
    " tables included, to which Xen keeps it; where it held more for moments that is told, too."
)
PAGES_PER_MIB = 256
FLASH = (
    "Requests and bytes are counted; the time is derived from a NAND chip's data sheet (Micron"
    " MT29F4G08AAA, Rev. B 2/07: 25 us to read a page of 2 KiB, 220 us to program it, 1.5 ms to"
    " erase 64 of them, 25 ns a byte on the bus), one page after another, and is in no slowdown."
)
EMULATOR = (
    "Measured on an emulated ARM machine (QEMU's TCG). It counts instructions and says nothing"
    " about microseconds on silicon: where instructions are not counted (icount off) times are"
    " emulator time, good for ratios within one run only. TCG has no caches, and an x86 host hides"
    " ARM's memory ordering."
)
ANDROID = (
    "The Android guest is not a release of Android and no AOSP image. Genuine are Android's runtime"
    " (ART 11), AOSP 10's core library, servicemanager on binder and lmkd, and adbd, from Debian's"
    " packages and AOSP's sources. Not so are the C library (glibc), init, the properties, the"
    " zygote's program and the activity manager (ours), and the framework (API stubs): it is"
    " interpreted only (no JIT, no AOT, no bytecode verification), has no system server, GPU or"
    " SELinux, and applications build and verify heaps rather than run activities"
    " (images/android/README.md)."
)


def label_of(name: str) -> str:
    return name.replace("_", " ")


def state_sentence(run: Run) -> str:
    """How a run ended, and what that means for its numbers on this page."""
    said = ended(run)
    if run.state is RunState.FAILED:
        return f"{said} Its figures are not shown."
    if run.state is RunState.PARTIAL:
        return f"{said} What follows is what it had recorded by then; it has no figures."
    return said


def ended(run: Run) -> str:
    """How a run ended."""
    took = run.info.get("duration_s")
    if run.state is RunState.PASSED:
        return f"Passed in {took:.0f} s."
    if run.state is RunState.INACTIVE:
        return "Inactive: nothing was compressed, so its numbers are no result."
    if run.state is RunState.FAILED:
        failure = run.info["failure"] or {}
        return f"Failed: {failure.get('message', 'nobody knows why')}."
    if run.goes_on():
        return "Partial: the run is still going on."
    return "Partial: the run was killed in the middle."


def misses(run: Run) -> list[str]:
    """A sentence for each figure that misses its bar, or that was tried and has no result."""
    said = []
    for figure in figures(run):
        if figure.why:
            what = f"{figure.bar.name} ({figure.bar.what}) at {at(run, figure.dimensions)}"
            said.append(f"{what} has no result: {figure.why}; the bar is {figure.bar}.")
        if figure.value is None or figure.met:
            continue
        off = abs(figure.value - figure.bar.bound) / abs(figure.bar.bound)
        side = "above" if figure.value > figure.bar.bound else "below"
        where = at(run, figure.dimensions)
        said.append(
            f"{figure.bar.name} ({figure.bar.what}){f' at {where}' if where else ''} is"
            f" {number(figure.value)} {figure.bar.unit}; the bar is {figure.bar}: missed,"
            f" {off:.0%} {side} it."
        )
    return said


def bar_rows(run: Run) -> list[dict[str, str]]:
    """A row for each figure that the run measured."""
    return [
        {
            "name": figure.bar.name,
            "what": figure.bar.what,
            "value": f"{number(figure.value)} {figure.bar.unit}",
            "bar": str(figure.bar),
            "verdict": "met" if figure.met else "missed",
            "at": at(run, figure.dimensions),
        }
        for figure in figures(run)
        if figure.value is not None
    ]


def not_measured(runs: Sequence[Run]) -> list[str]:
    """Names of the bars that none of these runs measured."""
    return [
        each[0].bar.name
        for each in _by_bar(runs).values()
        if all(figure.value is None and not figure.why for figure in each)
    ]


def without_result(runs: Sequence[Run]) -> list[str]:
    """Names of the bars that some of these runs tried to measure, and none did, and why."""
    return [
        f"{each[0].bar.name} ({figure.dimensions['workload']}: {figure.why})"
        for each in _by_bar(runs).values()
        for figure in each
        if figure.why
    ]


def _by_bar(runs: Sequence[Run]) -> dict[str, list[Figure]]:
    found: dict[str, list[Figure]] = defaultdict(list)
    for run in runs:
        for figure in figures(run):
            found[figure.bar.name].append(figure)
    return found


def headline(run: Run) -> list[dict[str, str]]:
    """The few numbers at the top: memory gained by guest, what it cost, what was checked."""
    if run.state is not RunState.PASSED:
        return []
    tiles = []
    smallest = _smallest_tiles(run)
    tiles += smallest
    # Where memory was made less until nothing went, what was gained on the way is no headline.
    for guest, sample in ({} if smallest else _fullest(run)).items():
        gained, nominal = sample["gained"] / 1024, sample["nominal"] * PAGE_KIB / 1024
        tiles.append(
            {
                "value": f"{gained:.1f} MiB",
                "label": f"gained from {guest}",
                "detail": f"of {nominal:.0f} MiB; {_split(sample)}",
            }
        )
    tiles += _hosted_tiles(run)
    tiles += _slowdown_tiles(run)
    for name, what in (("restore_lzo", "restore a page"), ("compress", "compress a page")):
        for record in run.histograms:
            if record["name"] == name and record["count"]:
                tiles.append(_latency_tile(run, record, what))
                break
    verified = sum(m.value for m in run.metrics if m.name in ("verified", "round_trips"))
    if verified:
        detail = "compared outside the guest, without a mismatch"
        tiles.append({"value": f"{verified:,.0f}", "label": "pages verified", "detail": detail})
    return tiles


def _smallest_tiles(run: Run) -> list[dict[str, str]]:
    """The least memory that each guest lives in with compression, beside that without."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for m in run.metrics:
        if m.name == "minimum_memory":
            found[str(m.labels.get("guest"))][str(m.labels.get("mode"))] = m.value
    return [
        {
            "value": f"{least['compressed']:g} MiB",
            "label": f"is enough for {guest}, with compression",
            "detail": ", ".join(f"{least[m]:g} {m}" for m in MODES[:2] if m in least),
        }
        for guest, least in found.items()
        if "compressed" in least
    ]


def _hosted_tiles(run: Run) -> list[dict[str, str]]:
    """VMs that fit: by ours, and beside it by every other technique."""
    idle = idle_techniques(run)
    hosted = {
        str(m.labels.get("technique")): m.value
        for m in run.metrics
        if m.name == "guests_hosted" and m.labels.get("technique") not in idle
    }
    if OURS not in hosted:
        return []
    others = ", ".join(f"{number(n)} by {name}" for name, n in hosted.items() if name != OURS)
    label = "VMs that fit, every byte of them verified"
    return [{"value": f"{number(hosted[OURS])}", "label": label, "detail": others}]


def _slowdown_tiles(run: Run) -> list[dict[str, str]]:
    """Ours with the least memory that a bar is about, and what became of the others there."""
    found = [m for m in run.metrics if m.name in SLOWDOWNS and m.labels.get("technique") == OURS]
    if not found:
        return []
    worst = min(found, key=lambda m: int(str(m.labels["ram"])))
    cell = {key: worst.labels.get(key) for key in ("workload", "ram")}
    others: dict[str, list[float]] = defaultdict(list)
    killed: dict[str, None] = {}
    unfinished: dict[str, None] = {}
    idle = idle_techniques(run)
    for m in run.metrics:
        technique = str(m.labels.get("technique"))
        if technique.startswith(OURS) or technique in idle:
            continue
        if all(m.labels.get(key) == value for key, value in cell.items()):
            if m.name == "slowdown":
                others[technique].append(m.value)
            elif m.name == "survived" and not m.value:
                killed[technique] = None
            elif m.name == "unfinished":
                unfinished[technique] = None
    told = [f"{sum(v) / len(v):+,.0%} by {name}" for name, v in others.items()]
    told += [f"killed with {', '.join(killed)}"] if killed else []
    told += [f"never ends with {', '.join(unfinished)}"] if unfinished else []
    label = f"slower with {cell['ram']} % of the memory"
    detail = "; ".join([str(cell["workload"]), *told])
    return [{"value": f"{worst.value:+.1%}", "label": label, "detail": detail}]


def _latency_tile(run: Run, record: Mapping[str, Any], what: str) -> dict[str, str]:
    counted = run.dimensions.get("icount", "off") != "off"
    middle, seen = 0.0, 0
    for value, n in record["buckets"]:
        seen += n
        if seen * 2 >= record["count"]:
            middle = value
            break
    guest = record["labels"].get("guest")
    unit = "instructions" if counted else "ns"
    basis = "counted" if counted else "emulator time, for orientation"
    return {
        "value": f"{middle:,.0f} {unit}",
        "label": f"to {what}, p50",
        "detail": f"{guest}, {record['count']:,} of them; {basis}",
    }


def _fullest(run: Run) -> dict[str, dict[str, float]]:
    """Each guest's sample with the most gained."""
    samples: dict[tuple[str, str, str], dict[str, float]] = defaultdict(dict)
    for m in run.metrics:
        ours = m.labels.get("technique", OURS) == OURS
        if ours and "guest" in m.labels and m.labels.get("sample", "clock") != "clock":
            key = (str(m.labels["guest"]), str(m.labels["sample"]), str(m.labels.get("profile")))
            samples[key][m.name] = m.value
    best: dict[str, dict[str, float]] = {}
    for (guest, _, _), sample in samples.items():
        if "gained" in sample and sample["gained"] > best.get(guest, {"gained": 0})["gained"]:
            best[guest] = sample
    return best


def _split(sample: Mapping[str, float]) -> str:
    parts = [
        f"{sample[key]:,.0f} {name}"
        for key, name in (("zero", "zero"), ("same", "same-filled"), ("lzo", "LZO"))
        if sample.get(key)
    ]
    if sample.get("discarded"):
        parts.append(f"{sample['discarded']:,.0f} discarded")
    return f"{' + '.join(parts)} pages" if parts else "no page compressed"


def table_1(values: Sequence[Value]) -> list[dict[str, str]]:
    """The paper's Table 1 and ours, or nothing when it was not measured."""
    measured: dict[tuple[str, str], float] = {}
    peaks: dict[tuple[str, str], float] = {}
    for value in values:
        key = (str(value.own.get("guest")), str(value.own.get("mode")))
        if value.name == "minimum_memory" and value.active:
            measured[key] = value.value
        elif value.name == "minimum_memory_peak":
            peaks[key] = value.value / PAGES_PER_MIB
    if not measured:
        return []
    rows = []
    for guest, paper in PAPER_TABLE_1.items():
        row = {"guest": guest}
        for mode in MODES:
            ours = measured.get((guest, mode))
            row[mode] = "not measured" if ours is None else f"{ours:g} MiB"
            if (guest, mode) in peaks:
                row[mode] += f"; for moments {peaks[guest, mode]:.0f}"
            row[f"paper_{mode}"] = f"{paper[mode]} MB" if mode in paper else "future work"
        rows.append(row)
    return rows


def notes(runs: Sequence[Run]) -> list[str]:
    """What must be said about the numbers of these runs."""
    android = any(name.endswith("_is") for run in runs for name in run.dimensions)
    return [EMULATOR, *([ANDROID] if android else [])]


def source(run: Run) -> str:
    """Where a number comes from: dimensions, and the command that measures it again."""
    dimensions = ", ".join(f"{k} {v}" for k, v in run.dimensions.items())
    return f"{dimensions}. Again: {run.reproduce or 'command not recorded'}"
