# SPDX-License-Identifier: GPL-2.0-or-later
"""Trace records of the controller in a file of xentrace.

Formats: Xen's public headers trace.h (struct t_rec) and mem_compress.h (struct
xen_mem_compress_trace).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

CYCLES = 1 << 31
EXTRA_SHIFT = 28
EVENT_MASK = (1 << EXTRA_SHIFT) - 1
CLASS_MEM = 0x0010F000


class Event(IntEnum):
    """TRC_MEM_COMPRESS_*."""

    NOMINATE = CLASS_MEM + 24
    COMMIT = CLASS_MEM + 25
    REJECT = CLASS_MEM + 26
    RESTORE = CLASS_MEM + 27


@dataclass(frozen=True, slots=True)
class Record:
    """One event of one page."""

    event: Event
    gfn: int
    domid: int
    kind: int
    cause: int
    value: int


def records(content: bytes) -> Iterator[Record]:
    """Those of the controller, in the order of the file: by CPU, then by time."""
    at = 0
    while at + 4 <= len(content):
        (head,) = struct.unpack_from("<I", content, at)
        at += 4 + (8 if head & CYCLES else 0)
        extra = content[at : at + 4 * ((head >> EXTRA_SHIFT) & 7)]
        at += len(extra)
        if head & EVENT_MASK in set(Event):
            yield Record(Event(head & EVENT_MASK), *struct.unpack("<QHBBi", extra))
