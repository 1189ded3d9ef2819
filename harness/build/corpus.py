# SPDX-License-Identifier: GPL-2.0-or-later
"""The real files that memload cuts text, code and pointer pages from.

text:    licences, as Debian ships them
code:    arm64 instructions of libcrypto
pointer: the writable data of Python's interpreter, as the dynamic linker leaves it in memory:
         objects with pointers to one another
"""

from __future__ import annotations

import struct
from pathlib import Path

from harness.build.elf import Elf
from harness.build.packages import Packages, contents
from harness.build.step import Built, run
from harness.errors import SetupError
from harness.progress import Step

RECIPE = 1
PACKAGES = ("base-files", "libssl3t64", "libpython3.13-minimal", "python3.13-minimal")
LICENSES = "usr/share/common-licenses/"
CODE_FROM = "usr/lib/aarch64-linux-gnu/libcrypto.so.3"
POINTERS_FROM = "usr/bin/python3.13"
# Where Linux maps a position-independent program (without randomisation).
PROGRAM_BASE = 0x5555_5555_4000
LIMIT_BYTES = 1 << 20
PAGE_BYTES = 4096
FILES = ("text", "code", "pointer")
DATA_SECTIONS = (".data.rel.ro", ".data")


def build_corpus(packages: Packages) -> Built:
    """A folder with the files ``text``, ``code`` and ``pointer``, each at most 1 MiB."""
    inputs = {"recipe": RECIPE, "packages": packages.hashes}
    return run("corpus", inputs, lambda out, progress: _make(packages, out, progress))


def _make(packages: Packages, out: Path, progress: Step) -> None:
    progress.note("reading packages")
    files = _files(packages)
    text = b"".join(files[name] for name in sorted(files) if name.startswith(LICENSES))
    parts = {
        "text": text,
        "code": section(files[CODE_FROM], ".text"),
        "pointer": relocated(files[POINTERS_FROM], PROGRAM_BASE),
    }
    for name, content in parts.items():
        if len(content) < PAGE_BYTES:
            raise SetupError(f"too little of {name} for the corpus: {len(content)} bytes")
        (out / name).write_bytes(content[:LIMIT_BYTES])


def section(data: bytes, name: str) -> bytes:
    """Content of a section; nothing when there is no such."""
    elf = Elf(data)
    found = elf.section(name)
    return elf.content(found) if found else b""


def relocated(data: bytes, base: int) -> bytes:
    """The data sections with every pointer into the program itself as it is at run time."""
    elf = Elf(data)
    sections = [found for name in DATA_SECTIONS if (found := elf.section(name)) is not None]
    contents_ = {one.name: bytearray(elf.content(one)) for one in sections}
    for address, target in elf.relative_relocations():
        for one in sections:
            if one.address <= address <= one.address + one.size - 8:
                struct.pack_into("<Q", contents_[one.name], address - one.address, base + target)
    return b"".join(bytes(content) for content in contents_.values())


def _files(packages: Packages) -> dict[str, bytes]:
    wanted = {CODE_FROM, POINTERS_FROM}
    files: dict[str, bytes] = {}
    for deb in packages.paths:
        with contents(deb) as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                if member.isfile() and (name in wanted or name.startswith(LICENSES)):
                    stream = archive.extractfile(member)
                    files[name] = stream.read() if stream else b""
    for name in wanted - files.keys():
        raise SetupError(f"no package has {name}", where="harness/build/corpus.py")
    return files
