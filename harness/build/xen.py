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
from harness.build.step import CROSS_COMPILE, Built, command, compiler, make, read, run
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
OPTION = "CONFIG_MEM_COMPRESS"
WITHOUT = {OPTION: "n"}


@dataclass(frozen=True, slots=True)
class Arch:
    """What Xen is compiled for: its own name of it, and the prefix of the compiler's."""

    name: str
    cross: str


ARM64 = Arch("arm64", CROSS_COMPILE)


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
        **options(ours),
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


def options(ours: Path) -> dict[str, str]:
    """What is added to Xen's default configuration."""
    path = ours / "config"
    return kconfig.load(path) if path.exists() else {}


def new_files(source: XenSource, ours: Path) -> dict[str, bytes]:
    """Those of ``ours`` and Linux's, by their names in Xen's tree."""
    files_dir = ours / "files"
    files = {
        path.relative_to(files_dir).as_posix(): path.read_bytes()
        for path in sorted(files_dir.rglob("*"))
        if path.is_file()
    }
    for item in read_imports():
        files[item.to] = (source.linux_files.path / item.source).read_bytes()
    return files


def assemble(tree: WorkTree, source: XenSource, ours: Path) -> None:
    """Make the work tree what the patches of ``ours`` say, writing only what differs."""
    series = read_series(ours / "patches")
    tree.update(source.tarball, source.digest, new_files(source, ours), series)


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
        top = tree.path / "xen"
        progress.note("compiling")
        compile_in(top, wanted, what=name)
        shutil.copyfile(top / "xen", out / IMAGE)
        shutil.copyfile(top / "xen-syms", out / SYMBOLS)
        shutil.copyfile(top / ".config", out / CONFIG)
        shutil.copytree(top / "include/public", out / INCLUDE / "xen")


def compile_in(
    top: Path,
    wanted: Mapping[str, str],
    *,
    what: str,
    arch: Arch = ARM64,
    flags: str = "",
    headers: bool = False,
) -> None:
    """Configure and compile a tree of Xen; of one that was compiled, what depends on changes.

    top:    its folder xen/
    wanted: options besides Xen's defaults for the architecture
    what:   names the logs and the errors
    flags:  for the C compiler, besides Xen's
    headers: have Xen check its public headers (ANSI C, C99, C++), too

    Raises HypervisorError when an option does not survive or it does not compile.
    """
    words = ["-s", f"XEN_TARGET_ARCH={arch.name}", *IDENTITY]
    if headers:
        # It does so only where it believes that it is not cross-compiled.
        words += [f"XEN_COMPILE_ARCH={arch.name}", "HOSTCC=gcc", "HOSTCXX=g++"]
    more = {"EXTRA_CFLAGS_XEN_CORE": flags} if flags else {}

    def kbuild(step: str, *targets: str) -> None:
        line = make(top, *words, *targets, cross=arch.cross)
        command(line, what=f"{what}: {step}", env=more, error=HypervisorError)

    config = top / ".config"
    before = read(config) if config.exists() else b""
    times = (config.stat().st_atime_ns, config.stat().st_mtime_ns) if before else None
    kbuild("defconfig", "defconfig")
    with config.open("a") as file:
        file.write(kconfig.render(wanted))
    kbuild("olddefconfig", "olddefconfig")
    # Written only when it differs, or all is compiled anew.
    if times is not None and config.read_bytes() == before:
        os.utime(config, ns=times)
    kconfig.check(wanted, config, what="Xen", error=HypervisorError)
    kbuild("build")
