# SPDX-License-Identifier: GPL-2.0-or-later
"""For which processor the programs in a file system are, without reading the file system.

Files begin at whole blocks, and an ELF file begins with its header: so every block that begins
with one is looked at. A compressed EROFS shows some or none of its files, which is then the answer.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass

from harness.build.aosp.source import Source

BLOCK = 4096
# Programs are everywhere in a system partition; a quarter of a GiB has seen some hundred.
LOOKED_AT = 256 << 20
ENOUGH = 400
_PIECE = 4 << 20
_MACHINES = {3: "x86", 40: "arm", 62: "x86_64", 183: "arm64", 243: "riscv64"}
_PHDR_BYTES = 56
_LOAD = 1


@dataclass(frozen=True, slots=True)
class Programs:
    """ELF files by machine, and of those for arm64 the smallest alignment that a part of one
    has, in KiB (a kernel with larger pages cannot load it); None when none was seen."""

    machines: dict[str, int]
    alignment_kib: int | None

    @property
    def machine(self) -> str:
        """What most are for; empty when none was seen. 32-bit programs beside are usual."""
        wide = {name: n for name, n in self.machines.items() if name in ("arm64", "x86_64")}
        of = wide or self.machines
        return max(of, key=lambda name: of[name]) if of else ""


def programs(source: Source) -> Programs:
    """What the ELF files of a file system say."""
    machines: Counter[str] = Counter()
    alignments: list[int] = []
    for start in range(0, min(source.size, LOOKED_AT), _PIECE):
        piece = source.read(start, min(_PIECE, source.size - start))
        for at in range(0, len(piece), BLOCK):
            if piece[at : at + 4] == b"\x7fELF":
                machine, alignment = _look(piece[at : at + BLOCK])
                machines[machine] += 1
                if alignment and machine == "arm64":
                    alignments.append(alignment)
        if machines.total() >= ENOUGH:
            break
    return Programs(dict(machines), min(alignments) // 1024 if alignments else None)


def _look(block: bytes) -> tuple[str, int]:
    """Machine, and the smallest alignment of a part that is loaded; 0 when that is not seen."""
    if len(block) < 64:
        return "unknown", 0
    machine = int.from_bytes(block[18:20], "little")
    name = _MACHINES.get(machine, f"machine {machine}")
    if block[4] != 2:  # 32 bits have another layout
        return name, 0
    (at,) = struct.unpack_from("<Q", block, 32)
    size, count = struct.unpack_from("<2H", block, 54)
    found = []
    for number in range(min(count, 32)):
        start = at + number * size
        if size < _PHDR_BYTES or start + _PHDR_BYTES > len(block):
            break
        kind, alignment = struct.unpack_from("<I44xQ", block, start)
        if kind == _LOAD and alignment:
            found.append(alignment)
    return name, min(found, default=0)
