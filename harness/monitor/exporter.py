# SPDX-License-Identifier: GPL-2.0-or-later
"""``harness exporter``: what a testbed does, for Prometheus.

Names follow Prometheus's conventions: base units (bytes, seconds), ``_total`` for what only grows,
and the labels of exporters for hypervisors: ``domain``. Seconds are the emulator's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from harness.errors import HarnessError
from harness.hypervisor.memcompress import Stats
from harness.monitor.snapshot import Snapshot
from harness.report.books import PAGE_BYTES, gained_kib
from harness.report.histogram import Histogram

# Asked more often than that it answers with what it has: every question costs dom0 time.
FRESH_S = 1.0
KIB = 1024
GAUGES: tuple[tuple[str, str, Callable[[Stats], float]], ...] = (
    ("nominal_bytes", "memory the domain was created with", lambda s: s.nominal * PAGE_BYTES),
    ("resident_bytes", "frames that it has", lambda s: s.resident * PAGE_BYTES),
    ("ballooned_bytes", "given back by its balloon", lambda s: s.ballooned * PAGE_BYTES),
    ("memcompress_stored_bytes", "useful bytes in its store", lambda s: s.stored_bytes),
    ("memcompress_store_bytes", "frames of its store", lambda s: s.store_pages * PAGE_BYTES),
    ("memcompress_table_bytes", "page tables split for it", lambda s: s.table_pages * PAGE_BYTES),
    ("memcompress_metadata_bytes", "other metadata", lambda s: s.meta_bytes),
    ("memcompress_gained_bytes", "frames gained less all costs", lambda s: gained_kib(s) * KIB),
)
COUNTERS = (
    ("committed", "compressed_pages", "pages that were compressed"),
    ("rejected", "rejected_pages", "pages that did not compress"),
    ("refaults", "refaults", "pages restored soon after they were taken"),
    ("scanned", "scanned_pages", "pages that were looked at"),
    ("corrupted", "corrupted_objects", "objects that failed their check"),
    ("sweeps", "sweeps", "sweeps over the domain's ages"),
    ("requests", "requests", "requests of the guest"),
    ("waits", "waits", "vCPUs that waited for a frame"),
    ("no_memory", "no_memory", "restores that found no free frame at once"),
)
KINDS = ("zero", "same", "lzo", "lz4", "discarded")
HISTOGRAMS = {
    "restore_lzo": ("restore", "codec"),
    "restore_same": ("restore", "same_filled"),
    "compress": ("compress", "any"),
}


class TestbedCollector(Collector):
    """Takes a snapshot when asked; a testbed that does not answer is ``xen_testbed_up`` 0."""

    __test__ = False

    def __init__(self, take: Callable[[], Snapshot]) -> None:
        self._take = take
        self._last: Snapshot | None = None

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked of the testbed before somebody wants to know."""
        return ()

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("xen_testbed_up", "whether the testbed answers")
        if self._last is None or time.monotonic() - self._last.at_s > FRESH_S:
            try:
                self._last = self._take()
            except HarnessError:
                self._last = None
        up.add_metric([], float(self._last is not None))
        yield up
        if self._last is not None:
            yield from families(self._last)


def registry(take: Callable[[], Snapshot]) -> CollectorRegistry:
    """A registry with nothing but the testbed in it."""
    found = CollectorRegistry(auto_describe=False)
    found.register(TestbedCollector(take))
    return found


def families(snapshot: Snapshot) -> Iterator[Metric]:
    """Everything there is to tell of a snapshot."""
    sight = snapshot.sight
    for name, pages in (("total", sight.total), ("free", sight.free), ("reserve", sight.reserve)):
        family = GaugeMetricFamily(f"xen_host_memory_{name}_bytes", f"the host's memory: {name}")
        family.add_metric([], pages * PAGE_BYTES)
        yield family
    for name, text, of in GAUGES:
        family = GaugeMetricFamily(f"xen_domain_{name}", text, labels=["domain"])
        for domain, stats in snapshot.stats.items():
            family.add_metric([domain], of(stats))
        yield family
    pages_of = GaugeMetricFamily(
        "xen_domain_memcompress_pages", "pages without a frame", labels=["domain", "kind"]
    )
    restored = CounterMetricFamily(
        "xen_domain_memcompress_restores", "pages restored", labels=["domain", "cause"]
    )
    for domain, stats in snapshot.stats.items():
        for kind in KINDS:
            pages_of.add_metric([domain, kind], getattr(stats, kind))
        for cause, count in stats.restores.items():
            restored.add_metric([domain, cause], count)
    yield pages_of
    yield restored
    for field, name, text in COUNTERS:
        counter = CounterMetricFamily(f"xen_domain_memcompress_{name}", text, labels=["domain"])
        for domain, stats in snapshot.stats.items():
            counter.add_metric([domain], getattr(stats, field))
        yield counter
    yield from _histograms(snapshot)
    available = GaugeMetricFamily(
        "xen_domain_available_bytes", "MemAvailable of the guest's kernel", labels=["domain"]
    )
    for domain, kernel in sight.kernels.items():
        available.add_metric([domain], kernel["available"] * KIB)
    yield available


def _histograms(snapshot: Snapshot) -> Iterator[Metric]:
    by_name: dict[str, HistogramMetricFamily] = {}
    for domain, histograms in snapshot.histograms.items():
        ticks_khz = snapshot.stats[domain].ticks_khz
        for name, (what, kind) in HISTOGRAMS.items():
            if name not in histograms:
                continue
            family = by_name.setdefault(
                what,
                HistogramMetricFamily(
                    f"xen_domain_memcompress_{what}_seconds",
                    f"time to {what} a page, of the emulator",
                    labels=["domain", "kind"],
                ),
            )
            seconds = histograms[name].total / ticks_khz / 1e3
            buckets = _octaves(histograms[name], ticks_khz)
            family.add_metric([domain, kind], buckets, sum_value=seconds)
    yield from by_name.values()


def _octaves(histogram: Histogram, ticks_khz: int) -> list[tuple[str, float]]:
    """Counts up to the end of each octave: Prometheus keeps every bucket for ever."""
    found: list[tuple[str, float]] = []
    seen = 0
    for bucket, count in enumerate(histogram.buckets):
        seen += count
        if bucket % 16 == 15 and bucket < len(histogram.buckets) - 16:
            # The first value after the bucket, which ends an octave.
            bound = 16 << (bucket // 16)
            found.append((f"{bound / ticks_khz / 1e3:.3g}", float(seen)))
    return [*found, ("+Inf", float(histogram.count))]
