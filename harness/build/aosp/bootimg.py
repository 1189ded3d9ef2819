# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot images of header version 0 to 4 (boot, init_boot, recovery) and vendor boot images 3 and 4.

Format: system/tools/mkbootimg/include/bootimg/bootimg.h of AOSP.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

from harness.build.aosp.formats import described
from harness.build.aosp.source import Source, damaged, too_new
from harness.errors import UsageError

BOOT_MAGIC = b"ANDROID!"
VENDOR_MAGIC = b"VNDRBOOT"
NEWEST = 4
# Of versions 3 and 4; before them the header says it.
PAGE = 4096
PAGES = (2048, 4096, 8192, 16384, 32768, 65536)
_VERSION_AT = 40
# kernel, ramdisk, second: size and address each; tags, page size, version, OS; name, command line,
# id, rest of the command line
_V0 = struct.Struct("<8s10I16s512s32s1024s")
_V0_LINE = 511
_V1 = struct.Struct("<IQI")  # recovery_dtbo: size and offset; size of the header
_V2 = struct.Struct("<IQ")  # dtb: size and address
_V3 = struct.Struct("<8s4I16xI1536s")
_VENDOR_3 = struct.Struct("<8s5I2048sI16sIIQ")
_VENDOR_4 = struct.Struct("<4I")  # ramdisk table: bytes, entries, bytes an entry; bootconfig: bytes
_FRAGMENT = struct.Struct("<3I32s64x")
MOST_FRAGMENTS = 64


class Fragment(enum.IntEnum):
    """What a vendor ramdisk is for."""

    NONE = 0
    PLATFORM = 1
    RECOVERY = 2
    DLKM = 3


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of an image: offset and size in bytes."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class BootImage:
    """A boot image; a part that is not there has size 0. An init_boot image has no kernel."""

    version: int
    page: int
    kernel: Part
    ramdisk: Part
    second: Part
    dtb: Part
    cmdline: str


@dataclass(frozen=True, slots=True)
class VendorRamdisk:
    """One of the ramdisks of a vendor boot image."""

    kind: int
    name: str
    part: Part


@dataclass(frozen=True, slots=True)
class VendorBoot:
    """A vendor boot image."""

    version: int
    page: int
    ramdisks: tuple[VendorRamdisk, ...]
    dtb: Part
    cmdline: str
    bootconfig: Part


def parse_boot(source: Source) -> BootImage:
    """The header of a boot image; its parts are inside the file. Raises UsageError."""
    magic = source.read(0, 8) if source.size >= 8 else b""
    if magic != BOOT_MAGIC:
        raise UsageError(
            f"not an Android boot image: it is {described(source)}",
            where=source.name,
            hint="give boot.img as it is in the build's output",
        )
    version = int.from_bytes(source.read(_VERSION_AT, 4), "little")
    if version > NEWEST:
        raise UsageError(
            f"boot image header version {version} is unknown, the newest known is {NEWEST}",
            where=source.name,
            hint="is it damaged? a newer format wants a parser in harness/build/aosp/bootimg.py",
        )
    image = _parse_new(source, version) if version >= 3 else _parse_old(source, version)
    for what in ("kernel", "ramdisk", "second", "dtb"):
        _inside(source, what, getattr(image, what))
    return image


def _parse_old(source: Source, version: int) -> BootImage:
    fields = _V0.unpack(source.read(0, _V0.size))
    kernel, ramdisk, second = fields[1], fields[3], fields[5]
    page, cmdline, more = fields[8], fields[12], fields[14]
    if page not in PAGES:
        raise damaged(f"damaged boot image: pages of {page} bytes", where=source.name)
    at = _V0.size
    recovery = dtb = 0
    if version >= 1:
        recovery, _, _ = _V1.unpack(source.read(at, _V1.size))
        at += _V1.size
    if version >= 2:
        dtb, _ = _V2.unpack(source.read(at, _V2.size))
    parts = []
    offset = page
    for size in (kernel, ramdisk, second, recovery, dtb):
        parts.append(Part(offset, size))
        offset += _padded(size, page)
    # A line that fills the first field (511 bytes and a zero, of older tools 512) goes on in the
    # second, in the middle of a word.
    first = cmdline.split(b"\0", 1)[0]
    words = _text(first + (b"" if len(first) >= _V0_LINE else b" ") + more)
    return BootImage(version, page, parts[0], parts[1], parts[2], parts[4], words)


def _parse_new(source: Source, version: int) -> BootImage:
    _, kernel, ramdisk, _, _, _, cmdline = _V3.unpack(source.read(0, _V3.size))
    first = Part(PAGE, kernel)
    second = Part(PAGE + _padded(kernel, PAGE), ramdisk)
    nothing = Part(0, 0)
    return BootImage(version, PAGE, first, second, nothing, nothing, _text(cmdline))


def parse_vendor_boot(source: Source) -> VendorBoot:
    """The header and the table of ramdisks of a vendor boot image. Raises UsageError."""
    magic = source.read(0, 8) if source.size >= 8 else b""
    if magic != VENDOR_MAGIC:
        raise UsageError(
            f"not a vendor boot image: it is {described(source)}",
            where=source.name,
            hint="give vendor_boot.img as it is in the build's output",
        )
    fields = _VENDOR_3.unpack(source.read(0, _VENDOR_3.size))
    version, page, ramdisk, cmdline, dtb_size = (
        fields[1],
        fields[2],
        fields[5],
        fields[6],
        fields[10],
    )
    if not 3 <= version <= NEWEST:
        raise too_new(
            f"vendor boot image header version {version} is unknown, known are 3 to {NEWEST}",
            where=source.name,
        )
    if page not in PAGES:
        raise damaged(f"damaged vendor boot image: pages of {page} bytes", where=source.name)
    table = entries = entry_size = bootconfig = 0
    header = _VENDOR_3.size
    if version >= 4:
        numbers = _VENDOR_4.unpack(source.read(_VENDOR_3.size, _VENDOR_4.size))
        table, entries, entry_size, bootconfig = numbers
        header += _VENDOR_4.size
    ramdisk_at = _padded(header, page)
    dtb = Part(ramdisk_at + _padded(ramdisk, page), dtb_size)
    table_at = dtb.offset + _padded(dtb_size, page)
    whole = Part(ramdisk_at, ramdisk)
    for what, part in (("ramdisk", whole), ("dtb", dtb)):
        _inside(source, what, part)
    if entries:
        ramdisks = _fragments(source, whole, Part(table_at, table), entries, entry_size)
    else:
        ramdisks = (VendorRamdisk(Fragment.PLATFORM, "", whole),) if ramdisk else ()
    config = Part(table_at + _padded(table, page), bootconfig)
    _inside(source, "bootconfig", config)
    return VendorBoot(version, page, ramdisks, dtb, _text(cmdline), config)


def _fragments(
    source: Source, whole: Part, table: Part, entries: int, entry_size: int
) -> tuple[VendorRamdisk, ...]:
    if entry_size < _FRAGMENT.size or entries > MOST_FRAGMENTS or entries * entry_size > table.size:
        raise damaged(
            f"damaged vendor boot image: a table of {entries} ramdisks, {entry_size} bytes each",
            where=source.name,
        )
    found = []
    for number in range(entries):
        entry = source.read(table.offset + number * entry_size, _FRAGMENT.size)
        size, offset, kind, name = _FRAGMENT.unpack(entry)
        if offset + size > whole.size:
            raise damaged(
                f"damaged vendor boot image: ramdisk {number} ends behind the others",
                where=source.name,
            )
        found.append(VendorRamdisk(kind, _text(name), Part(whole.offset + offset, size)))
    return tuple(found)


def _inside(source: Source, what: str, part: Part) -> None:
    if part.size and part.offset + part.size > source.size:
        raise UsageError(
            f"is cut off: its {what} ends at {part.offset + part.size}, the file at {source.size}",
            where=source.name,
            hint="copy or download it again, and compare its checksum",
        )


def _padded(size: int, page: int) -> int:
    return -(-size // page) * page


def _text(field: bytes) -> str:
    """A C string; what is no ASCII shows as it must, for nothing of a command line may be lost."""
    return field.split(b"\0", 1)[0].decode("utf-8", "backslashreplace").strip()
