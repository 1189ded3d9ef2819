# SPDX-License-Identifier: GPL-2.0-or-later
"""The ext4 image: what is in it is what was in the tree, and nothing of the host."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.build import ext4
from harness.build.initramfs import Tree
from harness.errors import SetupError


def tree() -> Tree:
    made = Tree()
    made.file("bin/sh", b"#!" + bytes(5000) + b"end", mode=0o755)
    made.file("empty", b"")
    made.folder("root", mode=0o700)
    made.link("init", "bin/sh")
    made.character_device("dev/console", 5, 1)
    return made


def write(folder: Path, what: Tree) -> Path:
    scratch = folder / "scratch"
    scratch.mkdir(parents=True)
    image = folder / "image"
    ext4.write_ext4(what, image, label="test", free_mib=4, scratch=scratch)
    return image


def ask(image: Path, question: str) -> bytes:
    done = subprocess.run(["debugfs", "-R", question, image], capture_output=True, check=True)
    return done.stdout


def test_the_same_tree_gives_the_same_bytes(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one", tree()), write(tmp_path / "two", tree())
    assert one.read_bytes() == two.read_bytes()


def test_the_image_is_consistent(tmp_path: Path) -> None:
    subprocess.run(["e2fsck", "-fn", write(tmp_path / "x", tree())], check=True)


def test_content_comes_back(tmp_path: Path) -> None:
    image = write(tmp_path / "x", tree())
    assert ask(image, "cat /bin/sh") == tree()["bin/sh"].content
    assert b"bin/sh" in ask(image, "stat /init")


@pytest.mark.parametrize(
    ("path", "mode", "kind"),
    [
        ("/bin/sh", "0755", "regular"),
        ("/root", "0700", "directory"),
        ("/dev/console", "0600", "character"),
    ],
)
def test_kinds_modes_and_owners_are_those_of_the_tree(
    tmp_path: Path, path: str, mode: str, kind: str
) -> None:
    said = ask(write(tmp_path / "x", tree()), f"stat {path}").decode()
    assert f"Type: {kind}" in said
    assert f"Mode:  {mode}" in said
    assert "User:     0   Group:     0" in said


def test_a_name_that_debugfs_would_split_is_refused(tmp_path: Path) -> None:
    made = Tree()
    made.file("a b", b"")
    with pytest.raises(SetupError, match="such a name"):
        write(tmp_path / "x", made)
