# SPDX-License-Identifier: GPL-2.0-or-later
"""A disk with a GPT: where each partition goes, and the tables at both ends.

Format: UEFI specification 2.10, chapter 5.3. Identifiers are derived from names, so the same
partitions give the same bytes.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from harness.build.aosp.source import Source, damaged
from harness.errors import UsageError

SECTOR = 512
ALIGNMENT = 1 << 20
ENTRIES, ENTRY_SIZE = 128, 128
TABLE = ENTRIES * ENTRY_SIZE
LONGEST_NAME = 36
_SPACE = uuid.UUID("6d656d63-6f6d-7072-6573-73616f737000")
_LINUX_DATA = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")
_HEADER = struct.Struct("<8s4I4Q16sQ3I")
_ENTRY = struct.Struct("<16s16s3Q72s")
_REVISION = 0x10000


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition; start and size in bytes."""

    name: str
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Partitions on a disk of ``size`` bytes."""

    size: int
    partitions: tuple[Partition, ...]


def lay_out(wanted: Sequence[tuple[str, int]]) -> Layout:
    """One behind the other, each from a whole MiB on.

    wanted: name and size in bytes

    Raises UsageError for what no table can hold: names come from those of files.
    """
    at = ALIGNMENT
    found: list[Partition] = []
    for name, size in wanted:
        if not name or len(name) > LONGEST_NAME or name in [one.name for one in found]:
            raise UsageError(
                f"no partition can be called {name!r}: a name has 1 to {LONGEST_NAME} characters,"
                " and is there once",
                where="the guest's disk",
                hint="rename the image's file",
            )
        whole = -(-size // SECTOR) * SECTOR
        found.append(Partition(name, at, whole))
        at += -(-whole // ALIGNMENT) * ALIGNMENT
    if len(found) > ENTRIES:
        raise UsageError(f"{len(found)} partitions; at most {ENTRIES}", where="the guest's disk")
    return Layout(at + ALIGNMENT, tuple(found))


def tables(layout: Layout) -> tuple[tuple[int, bytes], ...]:
    """What is to be written where: (offset, bytes)."""
    last = layout.size // SECTOR - 1
    entries = b"".join(_entry(one) for one in layout.partitions).ljust(TABLE, b"\0")
    spread = TABLE // SECTOR
    first = _header(layout, entries, own=1, other=last, table=2)
    backup = _header(layout, entries, own=last, other=1, table=last - spread)
    protective = bytes(446) + _protective(last) + bytes(48) + b"\x55\xaa"
    return (
        (0, protective + first + entries),
        ((last - spread) * SECTOR, entries + backup),
    )


def parse(source: Source) -> Layout:
    """The partitions of a disk. Raises UsageError when it has no good GPT at its start."""
    fields = _HEADER.unpack(source.read(SECTOR, _HEADER.size))
    magic, _, header_size, checksum, _, _, _, _, last = fields[:9]
    table, count, size, table_checksum = fields[10:]
    if magic != b"EFI PART":
        raise UsageError("is no disk with a GPT", where=source.name)
    if not _HEADER.size <= header_size <= SECTOR or size < _ENTRY.size or count * size > 1 << 20:
        raise damaged(f"damaged GPT: {count} entries, {size} bytes each", where=source.name)
    raw = source.read(SECTOR, header_size)
    blank = raw[:16] + bytes(4) + raw[20:]
    entries = source.read(table * SECTOR, count * size)
    if zlib.crc32(blank) != checksum or zlib.crc32(entries) != table_checksum:
        raise damaged("damaged GPT: a checksum is wrong", where=source.name)
    found = []
    for number in range(count):
        kind, _, first, end, _, name = _ENTRY.unpack_from(entries, number * size)
        if not any(kind):
            continue
        if not first <= end <= last or (end + 1) * SECTOR > source.size:
            raise damaged(f"damaged GPT: partition {number + 1} is outside", where=source.name)
        shown = name.decode("utf-16-le", "replace").split("\0", 1)[0]
        found.append(Partition(shown, first * SECTOR, (end + 1 - first) * SECTOR))
    return Layout(source.size, tuple(found))


def _entry(partition: Partition) -> bytes:
    first = partition.start // SECTOR
    return _ENTRY.pack(
        _LINUX_DATA.bytes_le,
        uuid.uuid5(_SPACE, partition.name).bytes_le,
        first,
        first + partition.size // SECTOR - 1,
        0,
        partition.name.encode("utf-16-le"),
    )


def _header(layout: Layout, entries: bytes, *, own: int, other: int, table: int) -> bytes:
    spread = TABLE // SECTOR
    last = layout.size // SECTOR - 1
    names = ",".join(f"{one.name}:{one.size}" for one in layout.partitions)
    disk = uuid.uuid5(_SPACE, names).bytes_le
    usable = (2 + spread, last - spread - 1)

    def packed(checksum: int) -> bytes:
        return _HEADER.pack(
            b"EFI PART", _REVISION, _HEADER.size, checksum, 0, own, other, *usable, disk,
            table, ENTRIES, ENTRY_SIZE, zlib.crc32(entries),
        )  # fmt: skip

    return packed(zlib.crc32(packed(0))).ljust(SECTOR, b"\0")


def _protective(last: int) -> bytes:
    """The one entry of the MBR that tells older tools that the disk is in use."""
    return struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xEE, b"\xff" * 3, 1, min(last, 0xFFFFFFFF))
