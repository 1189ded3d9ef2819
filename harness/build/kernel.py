# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel of dom0 and of every guest, and the tree to build modules against it."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path

from harness.build import kconfig
from harness.build.step import Built, command, compiler, make, read, run
from harness.build.unpack import extract_all
from harness.paths import cache_dir, repo_root
from harness.progress import Step
from harness.sources.cache import locked

RECIPE = 1
IMAGE = "Image"
VMLINUX = "vmlinux"
CONFIG = "config"
TREE = "modules-tree.tar.gz"
# Two builds of the same inputs are the same bytes.
IDENTITY = {
    "KBUILD_BUILD_TIMESTAMP": "Thu Jan  1 00:00:00 UTC 1970",
    "KBUILD_BUILD_USER": "harness",
    "KBUILD_BUILD_HOST": "xen-memcompress",
}
# What a module's build reads, as in Debian's linux-headers.
TREE_FOLDERS = ("include", "scripts", "arch/arm64/include")
TREE_FILES = (
    ".config",
    "Makefile",
    "Kbuild",
    "Module.symvers",
    "arch/arm64/Makefile",
    "arch/arm64/kernel/asm-offsets.s",
    "kernel/bounds.s",
)


def fragments() -> dict[str, Path]:
    """Files of wanted options, by name."""
    folder = repo_root() / "images" / "kernel"
    return {path.name: path for path in sorted(folder.glob("*.config"))}


def build_kernel(source: Path, source_digest: str) -> Built:
    """Image, vmlinux and the tree for modules.

    source: Debian's package linux-source-6.12
    Raises SetupError when an option did not survive or the compiler fails.
    """
    wanted = fragments()
    inputs = {
        "recipe": RECIPE,
        "source": source_digest,
        "compiler": compiler(),
        "identity": IDENTITY,
        **wanted,
    }
    return run("kernel", inputs, lambda out, progress: _make(source, wanted, out, progress))


def unpack_tree(kernel: Built, to: Path) -> None:
    """Lay out the tree for modules in an empty folder."""
    with tarfile.open(kernel.path / TREE) as archive:
        extract_all(archive, to)


def unpack_source(deb: Path, to: Path, members: tuple[str, ...] = ()) -> None:
    """Unpack the source in Debian's package, or some files of it, by their names in the tree."""
    to.mkdir(parents=True, exist_ok=True)
    top = deb.name.partition("_")[0]
    pipeline = (
        'set -o pipefail; deb=$1 top=$2; shift 2; dpkg-deb --fsys-tarfile "$deb" '
        '| tar -xO "./usr/src/$top.tar.xz" | tar -xJ --strip-components=1 "$@"'
    )
    names = [f"{top}/{name}" for name in members]
    command(
        ["bash", "-c", pipeline, "bash", deb, top, *names],
        what="kernel: unpack source",
        cwd=to,
        timeout_s=600,
    )


def _make(deb: Path, wanted: Mapping[str, Path], out: Path, progress: Step) -> None:
    # One tree at a time: it is 2 GB. An interrupted build goes on where it was.
    work = cache_dir() / "work" / "kernel"
    tree = work / deb.stem
    with locked("work-kernel"):
        for other in work.iterdir() if work.is_dir() else ():
            if other != tree:
                shutil.rmtree(other)
        if not tree.is_dir():
            progress.note("unpacking")
            fresh = work / "unpacking"
            unpack_source(deb, fresh)
            fresh.rename(tree)
        _configure(tree, wanted)
        progress.note("compiling, takes minutes")
        command(
            make(tree, "-s", "ARCH=arm64", "Image", "modules"),
            what="kernel: build",
            # Else an interrupted build that goes on is "#2".
            env={**IDENTITY, "KBUILD_BUILD_VERSION": "1"},
        )
        shutil.copyfile(tree / "arch/arm64/boot/Image", out / IMAGE)
        shutil.copyfile(tree / "vmlinux", out / VMLINUX)
        shutil.copyfile(tree / ".config", out / CONFIG)
        progress.note("packing the tree for modules")
        pack_tree(tree, out / TREE)
        shutil.rmtree(work)


def _configure(tree: Path, wanted: Mapping[str, Path]) -> None:
    """tinyconfig and the fragments: all that nobody asked for is off, not at its default."""
    parts = [read(tree / "kernel/configs/tiny.config"), *(read(path) for path in wanted.values())]
    (tree / "wanted.config").write_bytes(b"\n".join(parts))
    command(
        [*make(tree, "-s", "ARCH=arm64"), "KCONFIG_ALLCONFIG=wanted.config", "allnoconfig"],
        what="kernel: configure",
        env=IDENTITY,
    )
    options = {key: value for path in wanted.values() for key, value in kconfig.load(path).items()}
    kconfig.check(options, tree / ".config", what="kernel")


def pack_tree(tree: Path, archive: Path) -> None:
    """Pack what a module's build reads."""
    chosen = {tree / name for name in TREE_FILES}
    for folder in TREE_FOLDERS:
        chosen.update(
            path
            for path in (tree / folder).rglob("*")
            if not path.is_dir() and path.suffix not in (".o", ".cmd")
        )
    with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
        for path in sorted(chosen):
            packed.add(path, path.relative_to(tree), recursive=False)
