# SPDX-License-Identifier: GPL-2.0-or-later
"""What a file is, by its first bytes; its name says nothing.

Magic numbers: bootimg.h, sparse_format.h, metadata_format.h and avb_vbmeta_image.h of AOSP; the
file systems' superblocks and Documentation/arch/arm64/booting.rst of Linux.
"""

from __future__ import annotations

import enum

from harness.build.aosp.source import Source, head


class Format(enum.StrEnum):
    """In words that can stand in a message."""

    BOOT = "Android boot image"
    VENDOR_BOOT = "Android vendor boot image"
    SPARSE = "Android sparse image"
    SUPER = "super image"
    SUPER_EMPTY = "super image without contents"
    VBMETA = "vbmeta image"
    GPT = "disk with a GPT"
    EXT4 = "ext4 file system"
    EROFS = "EROFS file system"
    F2FS = "F2FS file system"
    ARM64_KERNEL = "arm64 kernel"
    X86_KERNEL = "x86 kernel"
    ELF = "ELF file"
    CPIO = "cpio archive"
    GZIP = "gzip file"
    LZ4_LEGACY = "LZ4 file (legacy)"
    LZ4 = "LZ4 file"
    XZ = "xz file"
    ZSTD = "Zstandard file"
    ZIP = "zip archive"
    TAR = "tar archive"
    QCOW2 = "qcow2 disk"
    ZEROS = "zeros"
    UNKNOWN = "unknown file"

    @property
    def phrase(self) -> str:
        """With its article."""
        if self is Format.ZEROS:
            return self.value
        return f"{'an' if self.value[0] in 'AEaeu' else 'a'} {self.value}"


HEAD = 8192
# (offset, magic, format); the first that matches counts.
MAGICS: tuple[tuple[int, bytes, Format], ...] = (
    (0, b"ANDROID!", Format.BOOT),
    (0, b"VNDRBOOT", Format.VENDOR_BOOT),
    (0, b"\x3a\xff\x26\xed", Format.SPARSE),
    (0, b"AVB0", Format.VBMETA),
    (4096, b"gDla", Format.SUPER),
    (0, b"gDla", Format.SUPER_EMPTY),
    (512, b"EFI PART", Format.GPT),
    (0, b"QFI\xfb", Format.QCOW2),
    (0, b"PK\x03\x04", Format.ZIP),
    (0, b"\x1f\x8b\x08", Format.GZIP),
    (0, b"\x02\x21\x4c\x18", Format.LZ4_LEGACY),
    (0, b"\x04\x22\x4d\x18", Format.LZ4),
    (0, b"\xfd7zXZ\x00", Format.XZ),
    (0, b"\x28\xb5\x2f\xfd", Format.ZSTD),
    (0, b"070701", Format.CPIO),
    (0, b"070702", Format.CPIO),
    (56, b"ARM\x64", Format.ARM64_KERNEL),
    (0x202, b"HdrS", Format.X86_KERNEL),
    (0, b"\x7fELF", Format.ELF),
    (1024, b"\xe2\xe1\xf5\xe0", Format.EROFS),
    (1024, b"\x10\x20\xf5\xf2", Format.F2FS),
    (0x438, b"\x53\xef", Format.EXT4),
    (257, b"ustar", Format.TAR),
)
FILE_SYSTEMS = (Format.EXT4, Format.EROFS, Format.F2FS)


def identify(source: Source) -> Format:
    """The format of an image."""
    return identify_head(head(source, HEAD))


def identify_head(start: bytes) -> Format:
    """The format by the first ``HEAD`` bytes, or all that there are."""
    for offset, magic, found in MAGICS:
        if start[offset : offset + len(magic)] == magic:
            return found
    return Format.UNKNOWN if any(start) else Format.ZEROS


def described(source: Source) -> str:
    """What it is, for a message: the format, or the first bytes of what has none."""
    found = identify(source)
    if found is Format.UNKNOWN:
        return f"unknown (it begins with {head(source, 8).hex(' ')})"
    return found.phrase
