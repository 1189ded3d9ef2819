# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes a tree as an ext4 image: without root, the same tree to the same bytes.

``mkfs.ext4 -d`` takes owners, times and the order of names from the host's file system. So the
empty image is made with every option given, and filled by debugfs from a list in our own order.
"""

from __future__ import annotations

import os
import posixpath
import stat
from pathlib import Path

from harness.build.initramfs import Entry, Tree
from harness.build.shell import run
from harness.errors import SetupError

BLOCK_BYTES = 4096
# Nothing but what the guest's kernel needs: no journal, since the disk is thrown away after a run.
_FEATURES = "none,extent,filetype,dir_index,sparse_super,large_file,huge_file,dir_nlink,extra_isize"
_UUID = "6d656d63-6f6d-7072-6573-73646562616e"
_TIME = "1"


def write_ext4(tree: Tree, image: Path, *, label: str, free_mib: int, scratch: Path) -> None:
    """Write the tree to ``image``, sparse, with ``free_mib`` of room left.

    scratch: an empty folder for the files' contents, since debugfs reads them by path
    Raises SetupError.
    """
    items = tree.items()
    environment = {"E2FSPROGS_FAKE_TIME": _TIME, "MKE2FS_CONFIG": os.devnull}
    used = sum(-(-len(e.content) // BLOCK_BYTES) + 1 for _, e in items)
    blocks = used + used // 32 + free_mib * (1 << 20) // BLOCK_BYTES
    inodes = len(items) + 4096
    run(
        ["mkfs.ext4", "-q", "-F", "-O", _FEATURES, "-b", str(BLOCK_BYTES), "-I", "256", "-N",
         str(inodes), "-m", "0", "-U", _UUID, "-L", label, "-E",
         f"hash_seed={_UUID},lazy_itable_init=0,root_owner=0:0", image, str(blocks)],
        env=environment,
    )  # fmt: skip
    script = scratch / "script"
    script.write_text("\n".join(commands(items, scratch)) + "\n", encoding="utf-8")
    said = run(["debugfs", "-w", "-f", script, image], env=environment)
    # debugfs goes on after an error, and ends with 0.
    wrong = [line for line in said.splitlines() if _is_error(line)]
    if wrong:
        raise SetupError("the image cannot be written", where=str(image), context=wrong)


def commands(items: list[tuple[str, Entry]], scratch: Path) -> list[str]:
    """What debugfs is to do; puts the contents of files into ``scratch``."""
    lines = []
    for number, (path, entry) in enumerate(items):
        parent, name = posixpath.split(path)
        if any(c in path for c in ' "\n'):
            raise SetupError(f"no file of an image may have such a name: {path!r}")
        # Most commands take a name in the current folder only.
        lines += [f"cd /{parent}", _make(name, entry, scratch / f"{number}")]
        if not stat.S_ISLNK(entry.mode):
            lines.append(f"set_inode_field /{path} mode 0{entry.mode:o}")
    return lines


def _make(name: str, entry: Entry, content: Path) -> str:
    if stat.S_ISDIR(entry.mode):
        return f"mkdir {name}"
    if stat.S_ISLNK(entry.mode):
        return f"symlink {name} {entry.content.decode()}"
    if stat.S_ISCHR(entry.mode):
        return f"mknod {name} c {entry.device[0]} {entry.device[1]}"
    content.write_bytes(entry.content)
    return f"write {content} {name}"


def _is_error(line: str) -> bool:
    return bool(line) and not line.startswith(("debugfs", "Allocated inode:"))
