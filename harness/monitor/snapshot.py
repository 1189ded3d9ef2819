# SPDX-License-Identifier: GPL-2.0-or-later
"""A testbed at one moment, and what happened between two."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.hypervisor.memcompress import Stats
from harness.monitor.observe import LiveObserver
from harness.report.books import PAGE_KIB, gained_kib
from harness.report.histogram import Histogram
from harness.report.sight import Sight

RESTORES = ("restore_lzo", "restore_same")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was seen, and the controller's histograms by guest and name."""

    at_s: float
    """Monotonic."""
    sight: Sight
    stats: Mapping[str, Stats]
    histograms: Mapping[str, Mapping[str, Histogram]]


@dataclass(frozen=True, slots=True)
class Line:
    """One guest between two snapshots. Rates a second; latency of restores in microseconds."""

    guest: str
    nominal_kib: int
    resident_kib: int
    compressed_pages: int
    discarded_pages: int
    gained_kib: int
    restored_per_s: float
    compressed_per_s: float
    p50_us: float | None
    p99_us: float | None
    available_kib: int | None
    """As its own kernel says."""

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def take(observer: LiveObserver) -> Snapshot:
    """Look at all of it. Raises what asking raises."""
    at_s = time.monotonic()
    kernels = observer.kernels()
    board_kib, emulator_kib = observer.emulator()
    seen = observer.look()
    sight = Sight(
        seen.total,
        seen.free,
        seen.reserve,
        seen.dom0,
        seen.domains,
        seen.others,
        kernels,
        board_kib,
        emulator_kib,
    )
    return Snapshot(at_s, sight, observer.stats, observer.histograms())


def lines(before: Snapshot, now: Snapshot) -> list[Line]:
    """Each guest, with what it did since ``before``."""
    seconds = max(now.at_s - before.at_s, 1e-6)
    found = []
    for name, stats in now.stats.items():
        then = before.stats.get(name, stats)
        restores = _restores(before, now, name)
        us = 1e3 / stats.ticks_khz
        p50, p99 = restores.quantile(0.5), restores.quantile(0.99)
        found.append(
            Line(
                name,
                stats.nominal * PAGE_KIB,
                stats.resident * PAGE_KIB,
                stats.compressed,
                stats.discarded,
                gained_kib(stats),
                (stats.restores_total - then.restores_total) / seconds,
                (stats.committed - then.committed) / seconds,
                None if p50 is None else p50 * us,
                None if p99 is None else p99 * us,
                now.sight.kernels.get(name, {}).get("available"),
            )
        )
    return found


def _restores(before: Snapshot, now: Snapshot, guest: str) -> Histogram:
    """Restores since ``before``, of either kind."""
    parts = []
    for name in RESTORES:
        histogram = now.histograms.get(guest, {}).get(name)
        if histogram is not None:
            earlier = before.histograms.get(guest, {}).get(name)
            parts.append(histogram if earlier is None else histogram.since(earlier))
    return Histogram(
        sum(part.count for part in parts),
        sum(part.total for part in parts),
        max((part.maximum for part in parts), default=0),
        [sum(counts) for counts in zip(*(part.buckets for part in parts), strict=True)],
    )
