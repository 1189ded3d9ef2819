# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages by what the controller would make of them, and what would be gained.

Same rules as the controller's: a page of one repeated word of eight bytes takes no store, another
one is compressed with LZO1X-1 (python-lzo, the very format), and kept as it is when the result is
larger than MC_MAX_OBJECT of ``store.h``.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lzo
import numpy as np
from numpy.typing import NDArray

from harness.errors import UsageError
from harness.report.books import PAGE_BYTES, PAGE_KIB

MAX_OBJECT = 3072
# Useful bytes over pool bytes of a filled store: `harness run store-density` measured 0.963.
DENSITY = 0.96
# What describes a compressed page outside the store: a byte of age and state, 8 of tables.
META_BYTES = 9
LZO1X_1 = 1
ELF = b"\x7fELF"

Pages = NDArray[np.uint8]
"""Shape (n, 4096)."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Pages by class, and bytes that the codec makes of those that go through it."""

    zero: int
    same: int
    compressible: int
    incompressible: int
    codec_bytes: int

    @property
    def pages(self) -> int:
        return self.zero + self.same + self.compressible + self.incompressible

    @property
    def store_pages(self) -> int:
        """Frames that the store would take."""
        return math.ceil(self.codec_bytes / PAGE_BYTES / DENSITY)

    @property
    def gained_kib(self) -> int:
        """Frames that would come back, less all that is spent; never counted: new page tables."""
        taken = self.zero + self.same + self.compressible
        return (taken - self.store_pages) * PAGE_KIB - math.ceil(taken * META_BYTES / 1024)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {
            "pages": self.pages,
            "store_pages": self.store_pages,
            "gained_kib": self.gained_kib,
        }


def estimate(pages: Pages) -> Estimate:
    """Look at every page."""
    words = pages.view(np.uint64)
    same = (words == words[:, :1]).all(axis=1)
    zero = same & (words[:, 0] == 0)
    sizes = [len(lzo.compress(page.tobytes(), LZO1X_1, False)) for page in pages[~same]]
    stored = [size for size in sizes if size <= MAX_OBJECT]
    zeros = int(np.count_nonzero(zero))
    return Estimate(
        zeros,
        int(np.count_nonzero(same)) - zeros,
        len(stored),
        len(sizes) - len(stored),
        sum(stored),
    )


def read_dump(path: Path) -> Pages:
    """Pages of a raw dump, as ``pmemsave`` writes it. Raises UsageError when it is none."""
    size = path.stat().st_size
    if size == 0 or size % PAGE_BYTES:
        raise UsageError(
            f"{size} bytes are no whole number of pages",
            where=str(path),
            hint="a raw dump is wanted: harness qmp pmemsave",
        )
    pages: Pages = np.memmap(path, dtype=np.uint8, mode="r").reshape(-1, PAGE_BYTES)
    if pages[0, :4].tobytes() == ELF:
        raise UsageError(
            "this is an ELF core: a raw dump is wanted",
            where=str(path),
            hint="harness qmp pmemsave",
        )
    return pages
