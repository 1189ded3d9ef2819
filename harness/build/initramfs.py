# SPDX-License-Identifier: GPL-2.0-or-later
"""Root file systems as trees in memory, written as the cpio archives that Linux unpacks.

No root needed: owners, modes and devices are only numbers here. The same tree gives the same
bytes. Format: Documentation/driver-api/early-userspace/buffer-format.rst of Linux ("newc").
"""

from __future__ import annotations

import gzip
import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

TRAILER = "TRAILER!!!"
# The time of everything; 0 makes some programs believe that there is none.
MTIME = 1
GZIP_LEVEL = 6


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, folder, symbolic link or device, owned by root.

    mode:    with the bits of its kind
    content: of a file; the target of a link
    device:  major and minor number
    """

    mode: int
    content: bytes = b""
    device: tuple[int, int] = (0, 0)


class Tree:
    """Entries by path, without a slash in front. Folders come with what is in them."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def file(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        """A file."""
        self._put(path, Entry(stat.S_IFREG | mode, content))

    def folder(self, path: str, *, mode: int = 0o755) -> None:
        """A folder."""
        self._put(path, Entry(stat.S_IFDIR | mode))

    def link(self, path: str, target: str) -> None:
        """A symbolic link."""
        self._put(path, Entry(stat.S_IFLNK | 0o777, target.encode()))

    def character_device(self, path: str, major: int, minor: int, *, mode: int = 0o600) -> None:
        """A device node."""
        self._put(path, Entry(stat.S_IFCHR | mode, device=(major, minor)))

    def overlay(self, folder: Path) -> None:
        """All that is below a folder of the checkout; only "executable" of the modes counts."""
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_symlink():
                self.link(name, os.readlink(path))
            elif path.is_dir():
                self.folder(name)
            elif "__pycache__" not in name:
                executable = path.stat().st_mode & stat.S_IXUSR
                self.file(name, path.read_bytes(), mode=0o755 if executable else 0o644)

    def __getitem__(self, path: str) -> Entry:
        return self._entries[path]

    def __contains__(self, path: str) -> bool:
        return path in self._entries

    def items(self) -> list[tuple[str, Entry]]:
        """All entries, each folder before what is in it."""
        return sorted(self._entries.items())

    def _put(self, path: str, entry: Entry) -> None:
        name = PurePosixPath(path)
        if name.is_absolute() or ".." in name.parts:
            raise ValueError(f"path must be inside the tree: {path}")
        for parent in name.parents:
            if str(parent) == ".":
                continue
            known = self._entries.setdefault(str(parent), Entry(stat.S_IFDIR | 0o755))
            if stat.S_ISLNK(known.mode):
                raise ValueError(f"{path} is behind the link {parent}")
            if not stat.S_ISDIR(known.mode):
                raise ValueError(f"{path} is below {parent}, which is no folder")
        self._entries[str(name)] = entry


def write_cpio(tree: Tree) -> bytes:
    """The tree as an uncompressed archive."""
    out = io.BytesIO()
    # Without it the root is as a tmpfs is made: writable for all.
    _write_entry(out, ".", Entry(stat.S_IFDIR | 0o755), 0)
    for inode, (name, entry) in enumerate(tree.items(), start=1):
        _write_entry(out, name, entry, inode)
    _write_entry(out, TRAILER, Entry(0), 0)
    return out.getvalue()


def write_initramfs(tree: Tree, path: Path) -> None:
    """The tree as a compressed archive, with no time and no name in it."""
    with path.open("wb") as file:
        arguments = {"filename": "", "mode": "wb", "compresslevel": GZIP_LEVEL, "mtime": 0}
        with gzip.GzipFile(fileobj=file, **arguments) as packed:  # type: ignore[call-overload]
            packed.write(write_cpio(tree))


def _write_entry(out: io.BytesIO, name: str, entry: Entry, inode: int) -> None:
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    major, minor = entry.device
    fields = (
        inode,
        entry.mode,
        0,  # owner
        0,  # group
        links,
        MTIME if entry.mode else 0,
        len(entry.content),
        0,  # device that it is on, major and minor
        0,
        major,
        minor,
        len(name.encode()) + 1,
        0,  # checksum, which this format has not
    )
    out.write(b"070701" + b"".join(b"%08X" % field for field in fields))
    out.write(name.encode() + b"\0")
    _pad(out)
    out.write(entry.content)
    _pad(out)


def _pad(out: io.BytesIO) -> None:
    out.write(bytes(-out.tell() % 4))
