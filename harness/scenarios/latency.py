# SPDX-License-Identifier: GPL-2.0-or-later
"""Latency of compression and restore by content class, and guest zram beside it.

The same program reads the same pages in the same boot, once when the hypervisor has compressed
them and once when the guest has swapped them to zram; each read is timed with the guest's
counter. On the deterministic profile (-icount shift=0) a nanosecond of that counter is an
instruction; elsewhere the numbers are emulator time, for orientation only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.errors import ScenarioFailed
from harness.report.histogram import Histogram
from harness.scenarios import measured
from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass
from harness.scenarios.context import Context
from harness.scenarios.load import G_LZO, Load, guest_run, is_compressed, outlast_back_off

HISTOGRAMS = ("restore_lzo", "restore_same", "restore_bulk", "decode", "compress", "encode")
TIMED = (
    ContentClass.ZERO,
    ContentClass.WORD,
    ContentClass.TEXT,
    ContentClass.CODE,
    ContentClass.POINTER,
)
# What zram's swap-in is compared on: pages that go through the codec.
CODEC_CLASSES = (ContentClass.TEXT, ContentClass.CODE, ContentClass.POINTER)

# Nothing but zram, one page a fault, the codec that the controller uses.
ZRAM_ON = (
    "echo 0 > /proc/sys/vm/page-cluster && echo lzo > /sys/block/zram0/comp_algorithm &&"
    " echo 96M > /sys/block/zram0/disksize && mkswap /dev/zram0 > /dev/null &&"
    " swapon /dev/zram0"
)
ZRAM_OFF = "swapoff /dev/zram0 && echo 1 > /sys/block/zram0/reset"


@dataclass(frozen=True, slots=True)
class Clock:
    """Turns counter ticks into nanoseconds: instructions on the deterministic profile."""

    ticks_khz: int

    def ns(self, ticks: float) -> float:
        return ticks * 1e6 / self.ticks_khz


@dataclass(frozen=True, slots=True)
class Ours:
    """Ticks of reads of pages that were compressed, and which pages in which cycles."""

    ticks: NDArray[np.uint32]
    measured: list[tuple[int, NDArray[np.bool_]]]


def measure_latency(ctx: Context, step: measured.Latency) -> None:
    """Measure on each guest; figures are recorded as metrics of their names.

    Raises ScenarioFailed when a class that must compress did not.
    """
    for guest in ctx.guests:
        clock = Clock(guest.controller.stats().ticks_khz)
        before = _histograms(guest)
        ours = {c: _ours(ctx, guest, c, step) for c in TIMED}
        faults = _since(_histograms(guest), before)
        _record_histograms(ctx, guest, faults, clock)
        bulk = _bulk(ctx, guest, step)
        _record_path_figures(ctx, guest, faults, bulk, clock)
        guest_run(guest, ZRAM_ON)
        zram = {c: _zram(ctx, guest, c, step, clock, ours[c].measured) for c in TIMED}
        guest_run(guest, ZRAM_OFF)
        _record_comparison(ctx, guest, {c: one.ticks for c, one in ours.items()}, zram, clock)


def _load(ctx: Context, guest: Guest, content: ContentClass, pages: int) -> Load:
    name = f"latency-{content.value}"
    return Load.start(
        guest,
        name=name,
        content=content,
        seed=ctx.seed,
        pages=pages,
        corpus=ctx.corpus,
        threads=1,
    )


def _ours(ctx: Context, guest: Guest, content: ContentClass, step: measured.Latency) -> Ours:
    """Read each page that the hypervisor has compressed."""
    load = _load(ctx, guest, content, step.pages)
    found, measured = [], []
    for number in range(step.rounds):
        cycle = ctx.next_cycle()
        load.fill(cycle)
        outlast_back_off(guest)
        load.compress()
        states = load.states()
        mask = states == G_LZO if content in CODEC_CLASSES else is_compressed(states)
        ticks = load.times(ctx.seed + number)
        load.verify()
        found.append(ticks[mask])
        measured.append((cycle, mask))
    load.stop()
    result = np.concatenate(found)
    if result.size < step.pages * step.rounds // 4:
        raise ScenarioFailed(
            f"only {result.size} of {step.pages * step.rounds} pages of class {content} were"
            " compressed",
            where=f"{guest.name}, profile {ctx.profile}",
        )
    ctx.active = True
    return Ours(result, measured)


def _bulk(ctx: Context, guest: Guest, step: measured.Latency) -> Mapping[str, Histogram]:
    """Histograms of a restore in bulk by the guest's hint, on pages of text."""
    load = _load(ctx, guest, ContentClass.TEXT, step.pages)
    load.fill(ctx.next_cycle())
    outlast_back_off(guest)
    load.compress()
    ctx.sample("bulk")
    before = _histograms(guest)
    load.restore()
    after = _since(_histograms(guest), before)
    load.verify()
    load.stop()
    return after


def _zram(
    ctx: Context,
    guest: Guest,
    content: ContentClass,
    step: measured.Latency,
    clock: Clock,
    measured: list[tuple[int, NDArray[np.bool_]]],
) -> NDArray[np.uint32]:
    """Ticks of each read that found its page swapped to zram.

    The very pages that were measured before: same content, and none that only zram keeps.
    """
    load = _load(ctx, guest, content, step.pages)
    found = []
    for number, (cycle, mask) in enumerate(measured):
        load.fill(cycle)
        out_ticks = int(np.frombuffer(load.ctl("pageout"), dtype=np.uint64)[0])
        swapped = load.pfns() == 0
        count = int(np.count_nonzero(swapped))
        if count:
            ctx.folder.metric(
                "zram_out_ns",
                clock.ns(out_ticks / count),
                "ns",
                guest=guest.name,
                profile=ctx.profile,
                content=content.value,
            )
        found.append(load.times(ctx.seed + number)[swapped & mask])
        load.verify()
    load.stop()
    return np.concatenate(found)


def _histograms(guest: Guest) -> dict[str, Histogram]:
    return {name: guest.controller.histogram(name) for name in HISTOGRAMS}


def _since(after: Mapping[str, Histogram], before: Mapping[str, Histogram]) -> dict[str, Histogram]:
    return {name: after[name].since(before[name]) for name in HISTOGRAMS}


def _record_histograms(
    ctx: Context, guest: Guest, histograms: Mapping[str, Histogram], clock: Clock
) -> None:
    for name, histogram in histograms.items():
        if histogram.mean is None:
            continue
        values = {
            "mean": histogram.mean,
            "p50": histogram.quantile(0.5),
            "p99": histogram.quantile(0.99),
            "max": histogram.maximum,
        }
        for what, ticks in values.items():
            if ticks is not None:
                ctx.folder.metric(
                    f"{name}_ns",
                    clock.ns(ticks),
                    "ns",
                    guest=guest.name,
                    profile=ctx.profile,
                    stat=what,
                )


def _record_path_figures(
    ctx: Context,
    guest: Guest,
    faults: Mapping[str, Histogram],
    bulk: Mapping[str, Histogram],
    clock: Clock,
) -> None:
    """The bars that are about Xen's own path, the codec's share taken off.

    Window "xen": between two looks of the controller at its clock. ``harness run profile`` has the
    way into and out of Xen in it as well.
    """
    labels = {"guest": guest.name, "profile": ctx.profile}

    def path(whole: Histogram, codec: Histogram) -> float | None:
        # Sums, not means: not every entry of `whole` need have gone through the codec.
        return (whole.total - codec.total) / whole.count if whole.count else None

    restore = path(faults["restore_lzo"], faults["decode"])
    compress = path(faults["compress"], faults["encode"])
    in_bulk = path(bulk["restore_bulk"], bulk["decode"])
    if restore is not None:
        ctx.folder.metric("restore_path_insns", clock.ns(restore), "insns", **labels)
        ctx.folder.metric(
            "max_fault_insns", clock.ns(faults["restore_lzo"].maximum), "insns", **labels
        )
    if compress is not None:
        ctx.folder.metric("compress_path_insns", clock.ns(compress), "insns", **labels)
    if restore and in_bulk is not None:
        ctx.folder.metric("bulk_path_vs_fault", in_bulk / restore, "ratio", window="xen", **labels)
    same, lzo = faults["restore_same"].mean, faults["restore_lzo"].mean
    if same is not None and lzo:
        ctx.folder.metric("same_filled_vs_lzo", same / lzo, "ratio", **labels)


def _record_comparison(
    ctx: Context,
    guest: Guest,
    ours: Mapping[ContentClass, NDArray[np.uint32]],
    zram: Mapping[ContentClass, NDArray[np.uint32]],
    clock: Clock,
) -> None:
    """Reads as the guest saw them, ours and zram's, by class and for the codec's classes."""
    labels = {"guest": guest.name, "profile": ctx.profile}
    for technique, by_class in (("mem-compress", ours), ("zram", zram)):
        for content, ticks in by_class.items():
            if not ticks.size:
                continue
            ctx.folder.histogram(
                "read_ns",
                Histogram.of(ticks.tolist()),
                "ns",
                scale=clock.ns(1),
                technique=technique,
                content=content.value,
                **labels,
            )
            values = {
                "mean": float(ticks.mean()),
                "p50": float(np.quantile(ticks, 0.5)),
                "p99": float(np.quantile(ticks, 0.99)),
                "max": float(ticks.max()),
                "count": float(ticks.size),
            }
            for what, value in values.items():
                ctx.folder.metric(
                    "read_ns",
                    value if what == "count" else clock.ns(value),
                    "pages" if what == "count" else "ns",
                    technique=technique,
                    content=content.value,
                    stat=what,
                    **labels,
                )
    mine = np.concatenate([ours[c] for c in CODEC_CLASSES])
    theirs = np.concatenate([zram[c] for c in CODEC_CLASSES])
    if theirs.size < mine.size // 4:
        raise ScenarioFailed(
            f"zram took only {theirs.size} pages: nothing to compare with",
            where=f"{guest.name}, profile {ctx.profile}",
        )
    ratio = float(np.quantile(mine, 0.5) / np.quantile(theirs, 0.5))
    ctx.folder.metric("restore_vs_zram", ratio, "ratio", **labels)
