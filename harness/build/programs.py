# SPDX-License-Identifier: GPL-2.0-or-later
"""The disk of real programs that workloads run: read-only, the same for every guest.

images/programs/packages.txt   packages, with the libraries that the programs are linked to
images/programs/files.txt      which of their files go where
images/programs/overlay/       scripts of our own for them

A guest mounts it and changes its root to it, so that nothing of it is in the guest's own image,
and in its memory only what is in use.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness.build import elf, ext4
from harness.build.images import PackageFiles, add_files, recipe, skeleton
from harness.build.initramfs import Tree
from harness.build.packages import Packages, read_list
from harness.build.step import Built, run
from harness.errors import SetupError
from harness.progress import Step

RECIPE = 1
NAME = "programs"
IMAGE = "programs.ext4"


def wanted_packages() -> list[str]:
    """What is fetched for it: these packages, and nothing that they depend on."""
    return read_list(recipe(NAME) / "packages.txt")


def build_programs(packages: Packages) -> Built:
    """The disk. Raises SetupError when a file is missing, or is of another machine."""
    folder = recipe(NAME)
    inputs = {
        "recipe": RECIPE,
        "packages": packages.hashes,
        "files": folder / "files.txt",
        "overlay": folder / "overlay",
    }

    def make(out: Path, progress: Step) -> None:
        progress.note("reading packages")
        tree = skeleton()
        add_files(tree, folder / "files.txt", PackageFiles(packages))
        tree.overlay(folder / "overlay")
        require_arm64(tree)
        progress.note("packing")
        with tempfile.TemporaryDirectory(prefix="programs-") as scratch:
            image = out / IMAGE
            ext4.write_ext4(tree, image, label=NAME, free_mib=0, scratch=Path(scratch))

    return run(NAME, inputs, make)


def require_arm64(tree: Tree) -> None:
    """Raise SetupError naming the first program or library that a guest cannot run."""
    for path, entry in tree.items():
        if entry.content.startswith(b"\x7fELF") and not elf.is_arm64(entry.content):
            raise SetupError(
                f"{path} is no arm64 program: the guests cannot run it",
                where=str(recipe(NAME) / "files.txt"),
                hint="packages.txt names packages, which are fetched for arm64",
            )
