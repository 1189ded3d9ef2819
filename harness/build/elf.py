# SPDX-License-Identifier: GPL-2.0-or-later
"""As much of ELF (64 bit, little endian) as images need: which libraries, which sections."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = b"\x7fELF\x02\x01"
EM_AARCH64 = 183
SHT_NOBITS = 8
SHF_ALLOC = 2
DT_NULL = 0
DT_NEEDED = 1
PT_INTERP = 3
R_AARCH64_RELATIVE = 1027
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_PROGRAM = struct.Struct("<IIQQQQQQ")
_DYNAMIC = struct.Struct("<QQ")
_RELA = struct.Struct("<QQq")


def is_arm64(data: bytes) -> bool:
    """Whether it is a program or a library for the guests' processor."""
    return data.startswith(MAGIC) and int.from_bytes(data[18:20], "little") == EM_AARCH64


@dataclass(frozen=True, slots=True)
class Section:
    """A section: its address in memory, its offset and size in the file."""

    name: str
    address: int
    offset: int
    size: int
    link: int
    kind: int
    flags: int

    @property
    def loaded(self) -> bool:
        """Whether it is part of the program in memory."""
        return bool(self.flags & SHF_ALLOC)


class Elf:
    """A program or a library, from its bytes. Raises ValueError when it is none."""

    def __init__(self, data: bytes) -> None:
        if not data.startswith(MAGIC):
            raise ValueError("not a 64-bit little-endian ELF file")
        self._data = data
        header = _HEADER.unpack_from(data)
        self._programs, sections = header[5], header[6]
        self._program_count, section_count, names = header[10], header[12], header[13]
        raw = [
            _SECTION.unpack_from(data, sections + i * _SECTION.size) for i in range(section_count)
        ]
        table = raw[names][4] if raw else 0
        self.sections = [
            Section(self._string(table + s[0]), s[3], s[4], s[5], s[6], s[1], s[2]) for s in raw
        ]

    def section(self, name: str) -> Section | None:
        """The section of that name."""
        return next((section for section in self.sections if section.name == name), None)

    def content(self, section: Section) -> bytes:
        """Its bytes in the file; none of one that is all zero."""
        if section.kind == SHT_NOBITS:
            return b""
        return self._data[section.offset : section.offset + section.size]

    @property
    def needed(self) -> list[str]:
        """Names of the libraries that it is linked to."""
        dynamic = self.section(".dynamic")
        if dynamic is None:
            return []
        strings = self.sections[dynamic.link].offset
        tags = _DYNAMIC.iter_unpack(self.content(dynamic))
        return [self._string(strings + value) for tag, value in tags if tag == DT_NEEDED]

    @property
    def interpreter(self) -> str:
        """Path of the dynamic linker, empty for a static program."""
        for i in range(self._program_count):
            kind, _, offset, *_ = _PROGRAM.unpack_from(self._data, self._programs + i * 56)
            if kind == PT_INTERP:
                return self._string(offset)
        return ""

    def relative_relocations(self) -> Iterator[tuple[int, int]]:
        """Address of each pointer into the file itself, and where it points to."""
        rela = self.section(".rela.dyn")
        if rela is not None:
            for address, info, addend in _RELA.iter_unpack(self.content(rela)):
                if info & 0xFFFF_FFFF == R_AARCH64_RELATIVE:
                    yield address, addend

    def _string(self, offset: int) -> str:
        return self._data[offset : self._data.index(b"\0", offset)].decode()
