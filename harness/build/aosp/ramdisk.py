# SPDX-License-Identifier: GPL-2.0-or-later
"""Ramdisks: several archives, one after the other, each over what was before it.

Format: Documentation/driver-api/early-userspace/buffer-format.rst of Linux ("newc").
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from harness.build.aosp.compression import PACKED, unpack
from harness.build.aosp.formats import Format, identify_head
from harness.build.aosp.source import damaged
from harness.errors import UsageError

LARGEST_RAMDISK = 256 << 20
MOST_FILES = 200_000
_MAGICS = (b"070701", b"070702")
_HEADER = 110
_TRAILER = "TRAILER!!!"
# What the kernel must have to unpack it.
_DECODERS = {
    Format.GZIP: "CONFIG_RD_GZIP",
    Format.LZ4_LEGACY: "CONFIG_RD_LZ4",
    Format.XZ: "CONFIG_RD_XZ",
}


def join(ramdisks: Sequence[tuple[str, bytes]], config: Mapping[str, str] | None) -> bytes:
    """The archives as one: as they are if all are packed alike and in a way that this kernel can
    unpack, else unpacked.

    ramdisks: name for messages, content; in the order in which they are unpacked
    config:   of the kernel, None when it is not known
    Raises UsageError when one is damaged and must be unpacked.
    """
    formats = {identify_head(content) for _, content in ramdisks}
    if len(formats) == 1:
        decoder = _DECODERS.get(next(iter(formats)))
        if decoder and (config is None or config.get(decoder) == "y"):
            return b"".join(content for _, content in ramdisks)
    joined = bytearray()
    for name, content in ramdisks:
        joined += unpack(content, name=name, limit=LARGEST_RAMDISK)
        joined += bytes(-len(joined) % 4)
    return bytes(joined)


def check(content: bytes, *, name: str) -> frozenset[str]:
    """Names of all files of a ramdisk. Raises UsageError when it is no archive or damaged."""
    found = identify_head(content)
    if found not in (Format.CPIO, *PACKED):
        raise UsageError(
            f"is no ramdisk: it is {found.phrase}",
            where=name,
            hint="a ramdisk is a cpio archive, packed with lz4 -l or gzip",
        )
    return frozenset(_names(unpack(content, name=name, limit=LARGEST_RAMDISK), name))


def modules(names: frozenset[str]) -> frozenset[str]:
    """Names of the kernel modules among files, without .ko, with hyphens as Linux prefers."""
    return frozenset(
        posixpath.basename(name).removesuffix(".ko").replace("_", "-")
        for name in names
        if name.endswith(".ko")
    )


def _names(archive: bytes, where: str) -> Iterator[str]:
    at = count = 0
    while at < len(archive):
        if archive[at] == 0:  # padding between archives
            step = next((i for i in range(at, len(archive)) if archive[i]), len(archive))
            at = step
            continue
        header = archive[at : at + _HEADER]
        if header[:6] not in _MAGICS or len(header) < _HEADER:
            raise damaged(f"damaged ramdisk: no file header at {at}", where=where)
        try:
            size, name_size = int(header[54:62], 16), int(header[94:102], 16)
        except ValueError as error:
            raise damaged(f"damaged ramdisk: header at {at}", where=where) from error
        start = at + _HEADER
        content = _padded(start + name_size)
        if content + size > len(archive) or not 0 < name_size <= 4096:
            raise damaged(f"damaged ramdisk: the file at {at} is cut off", where=where)
        name = archive[start : start + name_size - 1].decode("utf-8", "backslashreplace")
        at = _padded(content + size)
        count += 1
        if count > MOST_FILES:
            raise UsageError(f"a ramdisk of more than {MOST_FILES} files", where=where)
        if name != _TRAILER:
            yield name


def _padded(offset: int) -> int:
    return -(-offset // 4) * 4
