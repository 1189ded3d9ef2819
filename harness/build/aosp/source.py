# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the bytes of an image come from: a file, memory, or a part of another image.

Every read is checked against the size of the image and a limit of its own, so that a header that
lies costs an error and neither memory nor time.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.errors import UsageError

# No kernel, ramdisk or table is larger; whole partitions are copied piece by piece.
LARGEST_READ = 256 << 20


def damaged(message: str, *, where: str) -> UsageError:
    """An image, or a part of one, that contradicts itself."""
    hint = "copy or download it again, and compare its checksum"
    return UsageError(message, where=where, hint=hint)


def too_new(message: str, *, where: str) -> UsageError:
    """A version of a format that is not known here."""
    hint = "is it damaged? a newer format wants a parser in harness/build/aosp/"
    return UsageError(message, where=where, hint=hint)


class Source(Protocol):
    """Bytes at offsets; ``size`` in bytes, ``name`` for messages."""

    @property
    def name(self) -> str:
        """Path of the file, and the part of it."""
        ...

    @property
    def size(self) -> int:
        """In bytes."""
        ...

    def read(self, offset: int, size: int) -> bytes:
        """Exactly so many bytes. Raises UsageError when the image ends before."""
        ...


@dataclass(frozen=True, slots=True)
class Bytes:
    """An image in memory."""

    content: bytes
    name: str = "bytes"

    @property
    def size(self) -> int:
        return len(self.content)

    def read(self, offset: int, size: int) -> bytes:
        require(self, offset, size)
        return self.content[offset : offset + size]


@dataclass(frozen=True, slots=True)
class File:
    """A file that is only ever read. Made by ``open_file``."""

    path: Path
    size: int

    @property
    def name(self) -> str:
        return str(self.path)

    def read(self, offset: int, size: int) -> bytes:
        require(self, offset, size)
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                content = file.read(size)
        except OSError as error:
            raise UsageError(f"cannot be read: {error.strerror}", where=self.name) from error
        if len(content) != size:
            raise damaged("became shorter while it was read", where=self.name)
        return content


@dataclass(frozen=True, slots=True)
class Pieces:
    """Pieces of another image, one behind the other: (offset there or None for zeros, size)."""

    of: Source
    name: str
    pieces: Sequence[tuple[int | None, int]]

    @property
    def size(self) -> int:
        return sum(size for _, size in self.pieces)

    def read(self, offset: int, size: int) -> bytes:
        require(self, offset, size)
        found = bytearray()
        start = 0
        for there, length in self.pieces:
            skip = offset + len(found) - start
            if 0 <= skip < length and len(found) < size:
                take = min(length - skip, size - len(found))
                found += bytes(take) if there is None else self.of.read(there + skip, take)
            start += length
        return bytes(found)


def open_file(path: Path) -> File:
    """A file as a source. Raises UsageError when it is none, is empty or may not be read."""
    try:
        if not path.exists():
            raise UsageError("no such file", where=str(path))
        if not path.is_file():
            raise UsageError("is no regular file", where=str(path), hint="give the image's file")
        size = path.stat().st_size
        readable = os.access(path, os.R_OK)
    except OSError as error:  # a name too long, a loop of links, a folder that may not be entered
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if not readable:
        raise UsageError("may not be read", where=str(path), hint=f"chmod +r {path}")
    if size == 0:
        raise UsageError("is empty", where=str(path), hint="was the download complete?")
    return File(path, size)


def head(source: Source, size: int) -> bytes:
    """The first bytes, fewer if there are no more."""
    return source.read(0, min(size, source.size))


def require(source: Source, offset: int, size: int) -> None:
    """Raise UsageError unless these bytes are inside, and not more than is ever wanted."""
    if offset < 0 or size < 0 or size > LARGEST_READ:
        raise damaged(
            f"a header asks for {size} bytes at {offset}, which makes no sense", where=source.name
        )
    if offset + size > source.size:
        raise UsageError(
            f"is cut off: {size} bytes are wanted at {offset}, and it has {source.size}",
            where=source.name,
            hint="copy or download it again, and compare its checksum",
        )
