# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes of an image what a guest is started with: kernel, ramdisk, command line and one disk.

The user's files are read and never written: their content is copied into a new disk, or, where it
is one raw disk already, lies below an overlay.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from harness.build.aosp import arguments, bootconfig, gpt, ramdisk, vbmeta
from harness.build.aosp.image import Image
from harness.build.aosp.parts import Part
from harness.build.aosp.source import Bytes, File, Source
from harness.build.aosp.sparse import Sparse
from harness.build.aosp.spec import ImageKind
from harness.errors import SetupError, UsageError

PIECE = 4 << 20
METADATA_BYTES = 64 << 20
MISC_BYTES = 1 << 20
# Left on the disk for everything else: logs, overlays.
SPARE_BYTES = 256 << 20
BOOT_CONFIG = "CONFIG_BOOT_CONFIG"


@dataclass(frozen=True, slots=True)
class Bootable:
    """What a guest is started with.

    disk: raw; the user's own file where nothing had to be changed
    """

    kernel: Path
    ramdisk: Path | None
    cmdline: str
    disk: Path


def assemble(
    image: Image, folder: Path, name: str, *, say: Callable[[str], None] = lambda text: None
) -> Bootable:
    """Write kernel, ramdisk and disk of a guest called ``name`` into an existing folder.

    say: told what is being done, where that takes time
    Raises UsageError, and SetupError when the disk is full or the folder may not be written.
    """
    if image.kernel is None:
        raise SetupError("the project's kernel is not built", hint="harness build kernel")
    config = image.kernel.config
    kernel = folder / f"{name}.Image"
    kernel.write_bytes(image.kernel.content)
    content = ramdisk.join(image.ramdisks, config) if image.ramdisks else b""
    if config is not None and config.get(BOOT_CONFIG) == "y" and content and image.parameters:
        content = bootconfig.append(content, image.parameters)
        cmdline = arguments.check_length(" ".join([*image.words, "bootconfig"]))
    else:
        cmdline = arguments.command_line(image.words, image.parameters)
    initrd = folder / f"{name}.ramdisk" if content else None
    if initrd is not None:
        initrd.write_bytes(content)
    return Bootable(kernel, initrd, cmdline, _disk(image, folder / f"{name}.img", say))


def partitions(image: Image) -> list[tuple[str, Source | int]]:
    """Name and content of each partition of the disk; a number stands for so many zeros."""
    slot = image.spec.slot
    found: list[tuple[str, Source | int]] = []
    for role in ("boot", "init_boot", "vendor_boot"):
        part = image.part(role)
        if part is not None:
            found.append((f"{role}{slot}", part.source))
    found += [(f"{part.role}{slot}", part.source) for part in _chained(image)]
    found.append((f"vbmeta{slot}", _vbmeta(image)))
    part = image.part("super")
    if part is not None:
        found.append(("super", part.source))
    found += [("metadata", METADATA_BYTES), ("misc", MISC_BYTES)]
    data = image.part("userdata")
    found.append(("userdata", data.source if data else image.spec.userdata_mib << 20))
    return found


def _chained(image: Image) -> list[Part]:
    return [part for part in image.parts if part.role.startswith("vbmeta_")]


def _vbmeta(image: Image) -> Source:
    part = image.part("vbmeta")
    if part is None:
        return Bytes(vbmeta.empty(), "vbmeta")
    if image.spec.verify:
        return part.source
    return Bytes(vbmeta.disabled(part.source), part.source.name)


def _disk(image: Image, path: Path, say: Callable[[str], None]) -> Path:
    if image.spec.kind is ImageKind.RAW_DISK:
        part = image.part("disk")
        if part is None:
            raise UsageError("no disk", where="image.disk")
        if not part.sparse:
            return part.path
        wanted, layout = [(0, part.source)], None
        size = part.source.size
    else:
        contents = partitions(image)
        sizes = [
            (name, content if isinstance(content, int) else content.size)
            for name, content in contents
        ]
        layout = gpt.lay_out(sizes)
        size = layout.size
        wanted = [
            (place.start, content)
            for place, (_, content) in zip(layout.partitions, contents, strict=True)
            if not isinstance(content, int)
        ]
    _require_space(path.parent, sum(_stored(source) for _, source in wanted))
    with path.open("wb") as file:
        file.truncate(size)
        for start, source in wanted:
            say(f"copying {Path(source.name).name}, {source.size >> 20} MiB")
            copy(source, file, start)
        for offset, table in gpt.tables(layout) if layout else ():
            file.seek(offset)
            file.write(table)
    return path


def copy(source: Source, file: BinaryIO, start: int) -> None:
    """Copy an image to an offset of a file of zeros; zeros are not written."""
    for offset, size in _extents(source):
        for at in range(offset, offset + size, PIECE):
            piece = source.read(at, min(PIECE, offset + size - at))
            if piece.strip(b"\0"):
                file.seek(start + at)
                file.write(piece)


def _extents(source: Source) -> Iterator[tuple[int, int]]:
    """Where there may be something else than zeros: offset and size."""
    if isinstance(source, Sparse):
        yield from ((chunk.start, chunk.size) for chunk in source.data())
    elif isinstance(source, File):
        yield from _data_of(source)
    else:
        yield 0, source.size


def _data_of(source: File) -> Iterator[tuple[int, int]]:
    """The parts of a file that are no holes."""
    descriptor = os.open(source.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        at = 0
        while at < source.size:
            try:
                at = os.lseek(descriptor, at, os.SEEK_DATA)
            except OSError:
                return  # ENXIO: nothing but a hole is left
            end = min(os.lseek(descriptor, at, os.SEEK_HOLE), source.size)
            yield at, end - at
            at = end
    finally:
        os.close(descriptor)


def _stored(source: Source) -> int:
    return sum(size for _, size in _extents(source))


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed + SPARE_BYTES > free:
        raise SetupError(
            f"not enough room for the guest's disk: it needs {(needed + SPARE_BYTES) >> 20} MiB, "
            f"and {free >> 20} MiB are free",
            where=str(folder),
            hint="make room there; sparse images take their whole content when they are unpacked",
        )
