# SPDX-License-Identifier: GPL-2.0-or-later
"""Initramfs images: the format byte for byte, and the same bytes each time."""

from __future__ import annotations

import gzip
import os
import subprocess
import time
from pathlib import Path

import pytest

from harness.build.initramfs import Tree, write_cpio, write_initramfs


def header(inode: int, mode: int, links: int, mtime: int, size: int, dev: str, name: int) -> bytes:
    fields = f"070701{inode:08X}{mode:08X}{0:08X}{0:08X}{links:08X}{mtime:08X}{size:08X}"
    return f"{fields}{0:08X}{0:08X}{dev}{name:08X}{0:08X}".encode()


NO_DEVICE = f"{0:08X}{0:08X}"
GOLDEN = b"".join(
    [
        header(0, 0o040755, 2, 1, 0, NO_DEVICE, 2) + b".\0",
        header(1, 0o120777, 1, 1, 7, NO_DEVICE, 4) + b"bin\0\0\0usr/bin\0",
        header(2, 0o040755, 2, 1, 0, NO_DEVICE, 4) + b"dev\0\0\0",
        header(3, 0o020600, 1, 1, 0, f"{5:08X}{1:08X}", 12) + b"dev/console\0\0\0",
        header(4, 0o100755, 1, 1, 3, NO_DEVICE, 5) + b"init\0\0#!x\0",
        header(0, 0, 1, 0, 0, NO_DEVICE, 11) + b"TRAILER!!!\0\0\0\0",
    ]
)


@pytest.fixture
def tree() -> Tree:
    tree = Tree()
    tree.file("init", b"#!x", mode=0o755)
    tree.character_device("dev/console", 5, 1)
    tree.link("bin", "usr/bin")
    return tree


def test_the_archive_is_byte_for_byte_what_the_format_says(tree: Tree) -> None:
    assert write_cpio(tree) == GOLDEN


def test_cpio_reads_it(tree: Tree, tmp_path: Path) -> None:
    done = subprocess.run(
        ["cpio", "-t", "-v", "-n"], input=write_cpio(tree), capture_output=True, check=True
    )
    lines = done.stdout.decode().splitlines()
    assert [line.split()[0] for line in lines] == [
        "drwxr-xr-x",
        "lrwxrwxrwx",
        "drwxr-xr-x",
        "crw-------",
        "-rwxr-xr-x",
    ]
    assert all(line.split()[2:4] == ["0", "0"] for line in lines), "root owns all of it"


def test_the_order_of_adding_does_not_matter(tree: Tree) -> None:
    other = Tree()
    other.link("bin", "usr/bin")
    other.character_device("dev/console", 5, 1)
    other.file("init", b"#!x", mode=0o755)
    assert write_cpio(other) == write_cpio(tree)


def test_two_writings_are_the_same_bytes(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_initramfs(tree, tmp_path / "one.gz")
    monkeypatch.setattr(time, "time", lambda: 4e9)
    write_initramfs(tree, tmp_path / "two.gz")
    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()
    assert gzip.decompress((tmp_path / "one.gz").read_bytes()) == write_cpio(tree)


def test_an_overlay_keeps_links_and_executable_bits_only(tmp_path: Path) -> None:
    folder = tmp_path / "overlay"
    (folder / "etc").mkdir(parents=True)
    (folder / "etc/a").write_text("a")
    (folder / "etc/a").chmod(0o600)
    (folder / "init").write_text("i")
    (folder / "init").chmod(0o700)
    os.symlink("init", folder / "linuxrc")
    tree = Tree()
    tree.overlay(folder)
    assert {path: oct(entry.mode) for path, entry in tree.items()} == {
        "etc": "0o40755",
        "etc/a": "0o100644",
        "init": "0o100755",
        "linuxrc": "0o120777",
    }


@pytest.mark.parametrize("path", ["/etc/x", "../x", "a/../../x"])
def test_a_path_outside_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="inside the tree"):
        Tree().file(path, b"")


def test_a_file_behind_a_link_is_refused(tree: Tree) -> None:
    with pytest.raises(ValueError, match="behind the link bin"):
        tree.file("bin/sh", b"")
