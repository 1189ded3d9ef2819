# SPDX-License-Identifier: GPL-2.0-or-later
"""The partitions in a super image ("dynamic" or "logical" partitions).

Format: system/core/fs_mgr/liblp/include/liblp/metadata_format.h of AOSP, version 10.0 to 10.2.
PyPI's liblp 1.0.2 reads the same, but checks by ``assert``, never turns to the backup copies,
fails on names that want a slot suffix and reads no sparse file: here it only judges in tests.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from harness.build.aosp.source import Pieces, Source, damaged, too_new
from harness.errors import UsageError

SECTOR = 512
RESERVED = 4096
GEOMETRY_BYTES = 4096
GEOMETRY_MAGIC = 0x616C4467
HEADER_MAGIC = 0x414C5030
MAJOR, NEWEST_MINOR = 10, 2
LINEAR, ZERO = 0, 1
SLOT_SUFFIXED, DISABLED = 1 << 1, 1 << 3
SLOTS = ("_a", "_b")
_GEOMETRY = struct.Struct("<II32s3I")
_HEADER = struct.Struct("<I2HI32sI32s12I")
_PARTITION = struct.Struct("<36s4I")
_EXTENT = struct.Struct("<QIQI")
_GROUP = struct.Struct("<36sIQ")
_DEVICE = struct.Struct("<QIIQ36sI")
# AOSP's default is 64 KiB; each table holds some dozen entries.
LARGEST_METADATA = 1 << 20
MOST_SLOTS = 8


@dataclass(frozen=True, slots=True)
class Extent:
    """Sectors of a partition; ``start`` in the super image, None for zeros."""

    sectors: int
    start: int | None


@dataclass(frozen=True, slots=True)
class Partition:
    """A logical partition."""

    name: str
    group: str
    extents: tuple[Extent, ...]

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(extent.sectors for extent in self.extents) * SECTOR


@dataclass(frozen=True, slots=True)
class Super:
    """What the metadata of one slot says; ``size`` of the whole, in bytes."""

    size: int
    slots: int
    partitions: tuple[Partition, ...]

    def partition(self, name: str) -> Partition | None:
        """By name."""
        return next((one for one in self.partitions if one.name == name), None)


@dataclass(frozen=True, slots=True)
class _Geometry:
    largest: int
    slots: int


def parse(source: Source, slot: int = 0) -> Super:
    """The partitions of a slot (0: _a), from the first copy of the metadata that is whole.

    Raises UsageError with what is wrong with the first copy when none is.
    """
    geometry = _whole(_geometry, source, (RESERVED, RESERVED + GEOMETRY_BYTES))
    if slot >= geometry.slots:
        raise UsageError(
            f"the super image has {geometry.slots} slots, and none {SLOTS[slot]}",
            where=source.name,
            hint='slot = "_a"',
        )
    tables = RESERVED + 2 * GEOMETRY_BYTES
    copies = [tables + (copy * geometry.slots + slot) * geometry.largest for copy in (0, 1)]
    return _whole(
        lambda source, at: _metadata(source, at, geometry=geometry, slot=slot), source, copies
    )


def contents(source: Source, partition: Partition) -> Pieces:
    """The bytes of a partition."""
    pieces = [
        (None if extent.start is None else extent.start * SECTOR, extent.sectors * SECTOR)
        for extent in partition.extents
    ]
    return Pieces(source, f"{source.name}: {partition.name}", tuple(pieces))


_T = TypeVar("_T")


def _whole(read: Callable[[Source, int], _T], source: Source, copies: Sequence[int]) -> _T:
    """The first of two copies that can be read."""
    try:
        return read(source, copies[0])
    except UsageError as error:
        try:
            return read(source, copies[1])
        except UsageError:
            raise error from None


def _geometry(source: Source, at: int) -> _Geometry:
    raw = source.read(at, _GEOMETRY.size)
    magic, size, checksum, largest, slots, block = _GEOMETRY.unpack(raw)
    if magic != GEOMETRY_MAGIC:
        raise UsageError(
            "not a super image: it has no geometry of logical partitions",
            where=source.name,
            hint="give super.img as it is in the build's output",
        )
    if size != _GEOMETRY.size or not _matches(raw, 8, checksum):
        raise _damaged(source, "the checksum of its geometry is wrong")
    if not largest or largest % SECTOR or largest > LARGEST_METADATA:
        raise _damaged(source, f"metadata of {largest} bytes")
    if not 0 < slots <= MOST_SLOTS or block % SECTOR:
        raise _damaged(source, f"{slots} slots, blocks of {block} bytes")
    return _Geometry(largest, slots)


def _metadata(source: Source, at: int, *, geometry: _Geometry, slot: int) -> Super:
    raw = source.read(at, _HEADER.size)
    fields = _HEADER.unpack(raw)
    magic, major, minor, size, checksum, tables_size, tables_checksum = fields[:7]
    if magic != HEADER_MAGIC:
        raise _damaged(source, "its metadata has no magic number")
    if major != MAJOR or minor > NEWEST_MINOR:
        raise too_new(
            f"metadata of version {major}.{minor} is unknown, the newest known is "
            f"{MAJOR}.{NEWEST_MINOR}",
            where=source.name,
        )
    if not _HEADER.size <= size <= geometry.largest or tables_size > geometry.largest - size:
        raise _damaged(source, f"a header of {size} bytes, tables of {tables_size}")
    if not _matches(source.read(at, size), 12, checksum):
        raise _damaged(source, "the checksum of its metadata is wrong")
    tables = source.read(at + size, tables_size)
    if hashlib.sha256(tables).digest() != tables_checksum:
        raise _damaged(source, "the checksum of its tables is wrong")
    rows = [
        _rows(source, tables, fields[7 + 3 * number : 10 + 3 * number], form)
        for number, form in enumerate((_PARTITION, _EXTENT, _GROUP, _DEVICE))
    ]
    return _assemble(source, rows, geometry, slot)


def _rows(
    source: Source, tables: bytes, described: tuple[int, int, int], form: struct.Struct
) -> list[tuple[Any, ...]]:
    offset, count, size = described
    if size < form.size or offset + count * size > len(tables):
        raise _damaged(source, f"a table of {count} entries, {size} bytes each")
    return [form.unpack_from(tables, offset + number * size) for number in range(count)]


def _assemble(
    source: Source, rows: Sequence[list[tuple[Any, ...]]], geometry: _Geometry, slot: int
) -> Super:
    partitions, extents, groups, devices = rows
    if len(devices) != 1:
        raise UsageError(
            f"the super image is split over {len(devices)} devices",
            where=source.name,
            hint="build it as one: BOARD_SUPER_PARTITION_BLOCK_DEVICES := super",
        )
    whole = devices[0][3]
    if whole > source.size:
        raise UsageError(
            f"is cut off: its metadata says {whole} bytes, and it has {source.size}",
            where=source.name,
            hint="copy or download it again, and compare its checksum",
        )
    if sum(row[3] for row in partitions) > len(extents):
        raise _damaged(source, "an extent belongs to two partitions")
    found = []
    for name, attributes, first, count, group in partitions:
        if first + count > len(extents) or group >= len(groups):
            raise _damaged(source, f"partition {_text(name)} refers to what is not there")
        if attributes & DISABLED:
            continue
        own = tuple(_extent(source, row, whole) for row in extents[first : first + count])
        shown = _text(name) + (SLOTS[slot % 2] if attributes & SLOT_SUFFIXED else "")
        found.append(Partition(shown, _text(groups[group][0]), own))
    return Super(whole, geometry.slots, tuple(found))


def _extent(source: Source, row: tuple[Any, ...], whole: int) -> Extent:
    sectors, kind, start, device = row
    if kind == ZERO and sectors * SECTOR <= whole:
        return Extent(sectors, None)
    if kind != LINEAR or device != 0 or (start + sectors) * SECTOR > whole:
        raise _damaged(source, f"an extent of {sectors} sectors at {start}, type {kind}")
    return Extent(sectors, start)


def _matches(raw: bytes, at: int, checksum: bytes) -> bool:
    """The checksum is of the structure with zeros where the checksum is."""
    blank = raw[:at] + bytes(len(checksum)) + raw[at + len(checksum) :]
    return hashlib.sha256(blank).digest() == checksum


def _damaged(source: Source, what: str) -> UsageError:
    return damaged(f"damaged super image: {what}", where=source.name)


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("ascii", "backslashreplace")
