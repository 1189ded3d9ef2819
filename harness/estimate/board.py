# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages of a guest in a dump of the whole board.

Only the stage-2 tables say which frames a guest has, and QEMU does not say where they are. So the
guest is given a page with a cookie that nobody else has; whatever table describes the frame with
the cookie, and a table above that, may be the guest's. It is the one that has as many pages as Xen
says. Formats: Arm ARM (DDI 0487) D8.3, VMSAv8-64 descriptors with a granule of 4 KiB.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from harness.errors import HypervisorError
from harness.estimate.pages import Pages
from harness.report.books import PAGE_BYTES

Words = NDArray[np.uint64]
"""Shape (n, 512): every page as a table."""
ENTRIES = 512
ADDRESS = np.uint64(0x0000_FFFF_FFFF_F000)
KIND = np.uint64(3)
# Of a descriptor's low bits: a table or, at the last level, a page; and a block of 2M.
TABLE = PAGE = np.uint64(3)
BLOCK = np.uint64(1)
CHUNK_PAGES = 16384
# Xen counts pages that lie elsewhere (console, xenstore), and the guest goes on until the dump.
TOLERANCE = 0.02


def frames_of(board: Pages, base: int, cookie: bytes, wanted: int) -> NDArray[np.int64]:
    """Indices, in the dump, of the frames of the guest that holds the cookie.

    board:  the dump, shape (n, 4096)
    base:   physical address of its first page
    cookie: content of one page of that guest
    wanted: how many frames Xen says it has

    Raises HypervisorError when no table fits.
    """
    words: Words = board.view(np.uint64)
    found: list[NDArray[np.int64]] = []
    for frame in _pages_like(words, cookie):
        for table in _tables_above(words, base, frame):
            leaves = _leaves(words, base, table)
            if frame in leaves:
                found.append(leaves)
    if not found:
        raise HypervisorError("no page table describes the cookie's frame", where="dump")
    best = min(found, key=lambda leaves: abs(leaves.size - wanted))
    if abs(best.size - wanted) > TOLERANCE * wanted:
        raise HypervisorError(
            f"no page table has the guest's {wanted} pages: the nearest has {best.size}",
            where="dump of the board",
            hint="guests of more than 1 GiB cannot be found",
        )
    return best


def _pages_like(words: Words, cookie: bytes) -> Iterator[int]:
    key = np.frombuffer(cookie, dtype=np.uint64)
    for index in np.flatnonzero(words[:, 0] == key[0]).tolist():
        if (words[index] == key).all():
            yield int(index)


def _tables_above(words: Words, base: int, frame: int) -> Iterator[int]:
    """Second-level tables through which a frame is reached, by a page or by a block."""
    address = base + frame * PAGE_BYTES
    seen = set()
    block = address & ~((1 << 21) - 1)
    for table in _pointing(words, block, BLOCK):
        seen.add(table)
    for last in _pointing(words, address, PAGE):
        seen.update(_pointing(words, base + last * PAGE_BYTES, TABLE))
    yield from seen


def _pointing(words: Words, address: int, kind: np.uint64) -> list[int]:
    """Pages in which an entry of that kind holds the address."""
    wanted = np.uint64(address) | kind
    found: list[int] = []
    for start in range(0, len(words), CHUNK_PAGES):
        part = words[start : start + CHUNK_PAGES]
        hits = ((part & (ADDRESS | KIND)) == wanted).any(axis=1)
        found += (np.flatnonzero(hits) + start).tolist()
    return found


def _leaves(words: Words, base: int, table: int) -> NDArray[np.int64]:
    """Frames below a second-level table, in the order of their gfns."""
    frames: list[NDArray[np.int64]] = []
    for entry in words[table].tolist():
        index = ((entry & int(ADDRESS)) - base) // PAGE_BYTES
        if not 0 <= index < len(words):
            continue
        if entry & 3 == BLOCK:
            frames.append(np.arange(index, min(index + ENTRIES, len(words)), dtype=np.int64))
        elif entry & 3 == TABLE:
            last = words[index]
            mapped = last[(last & KIND) == PAGE]
            frames.append((mapped & ADDRESS).astype(np.int64) // PAGE_BYTES - base // PAGE_BYTES)
    every = np.concatenate(frames) if frames else np.empty(0, dtype=np.int64)
    return every[(every >= 0) & (every < len(words))]
