# SPDX-License-Identifier: GPL-2.0-or-later
"""Unpacks kernels and ramdisks, never to more than a limit.

What ``lz4 -l`` writes (the legacy format, which the kernel reads) is a magic number and blocks of
8 MiB, each behind its packed size: lib/decompress_unlz4.c of Linux.
"""

from __future__ import annotations

import lzma
import zlib

import lz4.block
import lz4.frame

from harness.build.aosp.formats import Format, identify_head
from harness.build.aosp.source import damaged
from harness.errors import UsageError

_LEGACY_MAGIC = b"\x02\x21\x4c\x18"
_LEGACY_BLOCK = 8 << 20
PACKED = (Format.GZIP, Format.LZ4_LEGACY, Format.LZ4, Format.XZ, Format.ZSTD)


def unpack(content: bytes, *, name: str, limit: int) -> bytes:
    """The content, unpacked if it is packed; what follows the packed data is dropped.

    limit: most bytes that may come out
    Raises UsageError when it is damaged, too large, or packed in a way that is not known here.
    """
    found = identify_head(content)
    if found not in PACKED:
        return content
    try:
        if found is Format.GZIP:
            # 31: with gzip's header
            decoder = zlib.decompressobj(31)
            unpacked = decoder.decompress(content, limit + 1)
            whole = decoder.eof
        elif found is Format.LZ4_LEGACY:
            unpacked, whole = _legacy(content, limit), True
        elif found is Format.LZ4:
            frame = lz4.frame.LZ4FrameDecompressor()
            unpacked, whole = frame.decompress(content, limit + 1), frame.eof
        elif found is Format.XZ:
            xz = lzma.LZMADecompressor(memlimit=limit)
            unpacked, whole = xz.decompress(content, limit + 1), xz.eof
        else:
            raise UsageError(
                "is packed with Zstandard, which cannot be unpacked here",
                where=name,
                hint="unpack it with zstd -d and give that",
            )
    except (zlib.error, lzma.LZMAError, RuntimeError, lz4.block.LZ4BlockError) as error:
        raise damaged(f"damaged {found}: {error}", where=name) from error
    if len(unpacked) > limit:
        raise UsageError(f"unpacks to more than {limit >> 20} MiB", where=name)
    if not whole:
        raise damaged(f"damaged {found}: it ends too early", where=name)
    return unpacked


def _legacy(content: bytes, limit: int) -> bytes:
    unpacked = bytearray()
    at = 4
    while at + 4 <= len(content) and len(unpacked) <= limit:
        size = int.from_bytes(content[at : at + 4], "little")
        at += 4
        if content[at - 4 : at] == _LEGACY_MAGIC:
            continue  # one more archive behind the first
        if size == 0 or (size > _LEGACY_BLOCK + _LEGACY_BLOCK // 255 + 16):
            break  # padding, or something else that was appended
        if at + size > len(content):
            raise RuntimeError("a block ends behind the end")
        block = content[at : at + size]
        unpacked += lz4.block.decompress(block, uncompressed_size=_LEGACY_BLOCK)
        at += size
    return bytes(unpacked)
