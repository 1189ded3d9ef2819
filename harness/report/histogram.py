# SPDX-License-Identifier: GPL-2.0-or-later
"""Log-linear histograms, as the controller keeps them (``mem_compress.h``).

Values below 16 have a bucket each; above that every octave has 16. A bucket's value is its
middle, so a quantile is right within 1/32.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

BUCKETS = 480


def bucket_of(value: int) -> int:
    """Bucket that a value is counted in."""
    if value < 16:
        return value
    e = value.bit_length() - 1
    return min(16 * (e - 3) + ((value >> (e - 4)) & 15), BUCKETS - 1)


def bucket_middle(bucket: int) -> float:
    """Middle of the values that a bucket counts."""
    if bucket < 16:
        return float(bucket)
    e = bucket // 16 + 3
    width: int = 1 << (e - 4)
    return (16 + bucket % 16) * width + (width - 1) / 2


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts with their exact sum, count and maximum."""

    count: int
    total: int
    maximum: int
    buckets: Sequence[int]

    @classmethod
    def of(cls, values: Iterable[int]) -> Histogram:
        """Histogram of single values."""
        buckets, count, total, maximum = [0] * BUCKETS, 0, 0, 0
        for value in values:
            buckets[bucket_of(value)] += 1
            count, total, maximum = count + 1, total + value, max(maximum, value)
        return cls(count, total, maximum, buckets)

    def since(self, earlier: Histogram) -> Histogram:
        """What was added after ``earlier`` was read. The maximum is that of all time."""
        return Histogram(
            self.count - earlier.count,
            self.total - earlier.total,
            self.maximum,
            [a - b for a, b in zip(self.buckets, earlier.buckets, strict=True)],
        )

    @property
    def mean(self) -> float | None:
        """Exact mean; None when empty."""
        return self.total / self.count if self.count else None

    def quantile(self, q: float) -> float | None:
        """Value below which a share ``q`` (0-1) of the counts lies; None when empty."""
        if not self.count:
            return None
        wanted, seen = q * self.count, 0
        for bucket, n in enumerate(self.buckets):
            seen += n
            if n and seen >= wanted:
                return bucket_middle(bucket)
        return float(self.maximum)
