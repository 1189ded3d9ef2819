# SPDX-License-Identifier: GPL-2.0-or-later
"""Android's sparse images: a list of chunks of blocks, read without unpacking them.

Format: system/core/libsparse/sparse_format.h of AOSP, version 1.
"""

from __future__ import annotations

import bisect
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.build.aosp.source import Source, require, too_new
from harness.errors import UsageError

MAGIC = 0xED26FF3A
HEADER = struct.Struct("<I4H4I")
CHUNK = struct.Struct("<2H2I")
RAW, FILL, DONT_CARE, CRC32 = 0xCAC1, 0xCAC2, 0xCAC3, 0xCAC4
# Each is an object here; real images have some ten thousand.
MOST_CHUNKS = 1 << 20
LARGEST_BLOCK = 1 << 20
LARGEST_IMAGE = 1 << 40


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes that belong together.

    start, size: in the unpacked image, in bytes
    offset:      of the data in the file; None when all of it is ``fill``
    fill:        four bytes, repeated
    """

    start: int
    size: int
    offset: int | None
    fill: bytes = bytes(4)


@dataclass(frozen=True, slots=True)
class Sparse:
    """The unpacked image as a Source."""

    file: Source
    size: int
    block: int
    chunks: tuple[Chunk, ...]
    _starts: tuple[int, ...] = field(repr=False)

    @property
    def name(self) -> str:
        return self.file.name

    def read(self, offset: int, size: int) -> bytes:
        require(self, offset, size)
        found = bytearray()
        index = bisect.bisect_right(self._starts, offset) - 1
        while len(found) < size:
            chunk = self.chunks[index]
            skip = offset + len(found) - chunk.start
            take = min(chunk.size - skip, size - len(found))
            found += self._part(chunk, skip, take)
            index += 1
        return bytes(found)

    def data(self) -> Iterator[Chunk]:
        """Chunks that are not all zeros."""
        return (chunk for chunk in self.chunks if chunk.offset is not None or any(chunk.fill))

    def _part(self, chunk: Chunk, skip: int, take: int) -> bytes:
        if chunk.offset is not None:
            return self.file.read(chunk.offset + skip, take)
        turn = skip % 4
        pattern = chunk.fill[turn:] + chunk.fill[:turn]
        return (pattern * (take // 4 + 1))[:take]


def parse(file: Source) -> Sparse:
    """The list of chunks, all of it checked. Raises UsageError."""
    header = HEADER.unpack(file.read(0, HEADER.size))
    magic, major, minor, header_size, chunk_header, block, blocks, count, _ = header

    def wrong(what: str) -> UsageError:
        return UsageError(
            f"damaged sparse image: {what}",
            where=file.name,
            hint="make it again with img2simg, or give the unpacked image",
        )

    if magic != MAGIC:
        raise wrong("it has no magic number")
    if major != 1:
        raise too_new(f"sparse images of version {major}.{minor} are unknown", where=file.name)
    if header_size < HEADER.size or chunk_header < CHUNK.size:
        raise wrong(f"headers of {header_size} and {chunk_header} bytes")
    if not 4 <= block <= LARGEST_BLOCK or block % 4 or blocks * block > LARGEST_IMAGE:
        raise wrong(f"{blocks} blocks of {block} bytes")
    if count > MOST_CHUNKS:
        raise wrong(f"{count} chunks")
    chunks = []
    at, start = header_size, 0
    for number in range(count):
        kind, _, length, total = CHUNK.unpack(file.read(at, CHUNK.size))
        data, size = at + chunk_header, length * block
        there = total - chunk_header
        expected = {RAW: size, FILL: 4, DONT_CARE: 0, CRC32: 4}.get(kind)
        if expected != there:
            raise wrong(f"chunk {number} (type {kind:#x}) holds {there} bytes")
        require(file, data, 0 if kind == DONT_CARE else min(there, 4))
        if data + there > file.size:
            raise wrong(f"chunk {number} ends behind the end of the file")
        at = data + there
        if kind == CRC32 or size == 0:
            continue
        if start + size > blocks * block:
            raise wrong(f"chunk {number} ends behind the end of the image")
        fill = file.read(data, 4) if kind == FILL else bytes(4)
        chunks.append(Chunk(start, size, data if kind == RAW else None, fill))
        start += size
    if start != blocks * block:
        raise wrong(f"its chunks are {start} bytes, and the image {blocks * block}")
    starts = tuple(chunk.start for chunk in chunks)
    return Sparse(file, start, block, tuple(chunks), starts)
