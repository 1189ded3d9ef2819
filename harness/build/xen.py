# SPDX-License-Identifier: GPL-2.0-or-later
"""Xen: the pinned source, our files and patches, LZO from Linux; configured and compiled.

Each checkout has a work tree in which Xen was built last (see ``worktree``): after an edit only
what depends on it is compiled. What comes out goes into the cache.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.build import kconfig
from harness.build.linux_files import read_imports
from harness.build.patches import read_series
from harness.build.step import Built, command, compiler, make, read, run
from harness.build.worktree import WorkTree, checkout_work
from harness.errors import HypervisorError
from harness.paths import repo_root
from harness.progress import Step
from harness.sources.cache import locked

RECIPE = 1
IMAGE = "xen"
SYMBOLS = "xen-syms"
CONFIG = "config"
# <xen/...> as programs in dom0 include it.
INCLUDE = "include"
# Two builds of the same inputs are the same bytes: nobody's name, no date.
IDENTITY = (
    "XEN_WHOAMI=harness",
    "XEN_DOMAIN=xen-memcompress",
    "XEN_BUILD_HOST=xen-memcompress",
    "XEN_BUILD_DATE=Thu Jan  1 00:00:00 UTC 1970",
    "XEN_BUILD_TIME=00:00:00",
)
DEBUG = {"CONFIG_DEBUG": "y"}
WITHOUT = {"CONFIG_MEM_COMPRESS": "n"}


@dataclass(frozen=True, slots=True)
class XenSource:
    """Where Xen's source comes from.

    tarball:     of the pinned version
    digest:      sha256 of it
    linux_files: object with the files that are imported from Linux
    """

    tarball: Path
    digest: str
    linux_files: Built


def patches_dir() -> Path:
    """Our part of Xen."""
    return repo_root() / "xen-patches"


def build_xen(
    source: XenSource,
    *,
    debug: bool = False,
    controller: bool = True,
    changed: Path | None = None,
) -> Built:
    """Xen's image, its symbols, its .config and its public headers.

    debug:      with assertions, which release builds do not have
    controller: else configured without it, to compare with
    changed:    another xen-patches/ than this checkout's

    Raises HypervisorError when a patch does not apply, an option does not survive, or it does not
    compile.
    """
    ours = changed or patches_dir()
    wanted = {
        **_fragment(ours / "config"),
        **(DEBUG if debug else {}),
        **({} if controller else WITHOUT),
    }
    series = read_series(ours / "patches")
    inputs = {
        "recipe": RECIPE,
        "tarball": source.digest,
        "files": ours / "files",
        "patches": [path.read_text() for path in series],
        "imports": source.linux_files.digest,
        "options": wanted,
        "compiler": compiler(),
    }
    name = "xen" + ("-debug" if debug else "") + ("" if controller else "-without")
    name += "-changed" if changed else ""
    return run(name, inputs, lambda out, progress: _make(name, source, ours, wanted, out, progress))


def assemble(tree: WorkTree, source: XenSource, ours: Path) -> None:
    """Make the work tree what the patches of ``ours`` say, writing only what differs."""
    files = {
        path.relative_to(ours / "files").as_posix(): path.read_bytes()
        for path in sorted((ours / "files").rglob("*"))
        if path.is_file()
    }
    for item in read_imports():
        files[item.to] = (source.linux_files.path / item.source).read_bytes()
    tree.update(source.tarball, source.digest, files, read_series(ours / "patches"))


def _make(
    name: str,
    source: XenSource,
    ours: Path,
    wanted: Mapping[str, str],
    out: Path,
    progress: Step,
) -> None:
    folder = checkout_work() / name
    with locked(f"work-{checkout_work().name}-{name}"):
        tree = WorkTree(folder)
        progress.note("patching")
        assemble(tree, source, ours)
        _configure(tree, wanted)
        progress.note("compiling")
        top = tree.path / "xen"
        arguments = make(top, "-s", "XEN_TARGET_ARCH=arm64", *IDENTITY)
        command(arguments, what=f"{name}: build", error=HypervisorError)
        shutil.copyfile(top / "xen", out / IMAGE)
        shutil.copyfile(top / "xen-syms", out / SYMBOLS)
        shutil.copyfile(top / ".config", out / CONFIG)
        shutil.copytree(top / "include/public", out / INCLUDE / "xen")


def _configure(tree: WorkTree, wanted: Mapping[str, str]) -> None:
    """defconfig and the wanted options; written only when it differs, or all is compiled anew."""
    top = tree.path / "xen"
    config = top / ".config"
    before = read(config) if config.exists() else b""
    times = (config.stat().st_atime_ns, config.stat().st_mtime_ns) if before else None

    def kbuild(target: str) -> None:
        command(
            make(top, "-s", "XEN_TARGET_ARCH=arm64", *IDENTITY, target),
            what=f"xen: {target}",
            error=HypervisorError,
        )

    kbuild("defconfig")
    with config.open("a") as file:
        file.write(kconfig.render(wanted))
    kbuild("olddefconfig")
    if times is not None and config.read_bytes() == before:
        os.utime(config, ns=times)
    kconfig.check(wanted, config, what="Xen", error=HypervisorError)


def _fragment(path: Path) -> dict[str, str]:
    return kconfig.load(path) if path.exists() else {}
