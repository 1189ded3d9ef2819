# SPDX-License-Identifier: GPL-2.0-or-later
"""From the controller's numbers to memory gained, as measurement.md defines it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

PAGE_KIB = 4
PAGE_BYTES = 4096


class Stats(Protocol):
    """What is needed of ``struct xen_mem_compress_stats``; amounts in pages unless named."""

    @property
    def nominal(self) -> int: ...
    @property
    def resident(self) -> int: ...
    @property
    def compressed(self) -> int: ...
    @property
    def discarded(self) -> int: ...
    @property
    def ballooned(self) -> int: ...
    @property
    def zero(self) -> int: ...
    @property
    def same(self) -> int: ...
    @property
    def lzo(self) -> int: ...
    @property
    def stored_bytes(self) -> int: ...
    @property
    def store_pages(self) -> int: ...
    @property
    def table_pages(self) -> int: ...
    @property
    def meta_bytes(self) -> int: ...
    @property
    def host_free(self) -> int: ...
    @property
    def restores(self) -> Mapping[str, int]: ...


def gained_kib(stats: Stats) -> int:
    """Frames returned to Xen minus everything spent to get them, in KiB; may be negative."""
    pages = stats.compressed + stats.discarded - stats.store_pages - stats.table_pages
    return pages * PAGE_KIB - -(-stats.meta_bytes // 1024)


def gained_by_lzo_kib(stats: Stats) -> float:
    """The part of it that comes from codec-compressed pages: they bear the whole store."""
    return (stats.lzo - stats.store_pages) * PAGE_KIB


def imbalance_pages(stats: Stats) -> int:
    """By how much the domain's books fail to balance; 0 is the only good value."""
    held = stats.resident + stats.compressed + stats.discarded + stats.ballooned
    return stats.nominal - held


def store_density(stats: Stats) -> float | None:
    """Useful bytes over pool bytes; None while the store is empty."""
    pool = stats.store_pages * PAGE_BYTES
    return stats.stored_bytes / pool if pool else None


def meta_bytes_per_page(stats: Stats, classes: Sequence[Mapping[str, int]]) -> float:
    """What describes a compressed page: the domain's state and ages, and the heads of chains.

    classes: struct xen_mem_compress_class; a head has, of each object, whose it is and its checksum
    """
    heads = sum(one["chains"] * one["head"] for one in classes)
    return (stats.meta_bytes + heads) / stats.compressed


@dataclass(frozen=True, slots=True)
class GuestBooks:
    """One guest at the moment it was fullest of compressed pages, and what came after."""

    name: str
    stats: Stats
    """At the sample."""
    restores: Mapping[str, int]
    """By cause, until the end of the run."""
    verified_pages: int = 0
    latency_us: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """p50 and p99 of each histogram, in microseconds of emulator time."""

    def as_json(self) -> dict[str, Any]:
        """The row as ``--json`` shows it."""
        s = self.stats
        return {
            "nominal_kib": s.nominal * PAGE_KIB,
            "resident_kib": s.resident * PAGE_KIB,
            "compressed_pages": s.compressed,
            "zero_pages": s.zero,
            "same_pages": s.same,
            "lzo_pages": s.lzo,
            "stored_bytes": s.stored_bytes,
            "store_pages": s.store_pages,
            "table_pages": s.table_pages,
            "gained_kib": gained_kib(s),
            "restores": dict(self.restores),
            "verified_pages": self.verified_pages,
            "latency_us": {k: list(v) for k, v in self.latency_us.items()},
        }
