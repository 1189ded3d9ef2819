# SPDX-License-Identifier: GPL-2.0-or-later
"""Our C programs, static: xen-memcompress for dom0, memcompressd for guests, memload for guests
and for the host."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from harness.build.step import CROSS_COMPILE, Built, command, compiler, run
from harness.build.xen import INCLUDE
from harness.paths import repo_root
from harness.progress import Step

RECIPE = 2
MEMLOAD = "memload"
DAEMON = "memcompressd"
DAEMON_CONFIG = "memcompressd.conf"
CONTROL = "xen-memcompress"
FLAGS = ("-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-static", "-D__XEN_TOOLS__")


def build_memload(cc: str) -> Built:
    """memload for the machine of this compiler. Raises SetupError when it does not compile."""
    name = "memload-host" if not cc.startswith(CROSS_COMPILE) else "memload-arm64"
    return _make(name, repo_root() / "guest-drivers" / "tools", cc, "-O2 -g")


def build_daemon() -> Built:
    """memcompressd for guests. Raises SetupError when it does not compile."""
    folder = repo_root() / "guest-drivers" / DAEMON
    return _make(DAEMON, folder, f"{CROSS_COMPILE}gcc", "-O2 -s")


def _make(name: str, source: Path, cc: str, flags: str) -> Built:
    """What the Makefile in this folder makes."""

    def compile_it(out: Path, progress: Step) -> None:
        with tempfile.TemporaryDirectory(prefix=f"{name}-") as temporary:
            copy = Path(temporary) / "source"
            shutil.copytree(source, copy)
            # Without it the name of this folder, another one each time, is in the debug info.
            cflags = f"CFLAGS={flags} -ffile-prefix-map={copy}=."
            command(
                ["make", "-C", copy, f"CC={cc}", f"OUT={out}", cflags],
                what=f"{name}: build for {cc}",
            )

    inputs = {"recipe": RECIPE, "source": source, "compiler": compiler(cc), "flags": flags}
    return run(name, inputs, compile_it)


def control_sources() -> list[Path]:
    """Sources of dom0's tool; none while there are none."""
    return sorted((repo_root() / "xen-patches" / "tools").glob("*.c"))


def build_control(xen: Built) -> Built | None:
    """dom0's tool against the public headers of this Xen, or None without sources of it."""
    sources = control_sources()
    if not sources:
        return None
    folder = sources[0].parent

    def compile_it(out: Path, progress: Step) -> None:
        include = xen.path / INCLUDE
        command(
            [
                f"{CROSS_COMPILE}gcc",
                *FLAGS,
                f"-ffile-prefix-map={folder}=.",
                f"-ffile-prefix-map={include}=include",
                f"-I{include}",
                "-o",
                out / CONTROL,
                *sources,
            ],
            cwd=folder,
            what=f"{CONTROL}: build",
        )

    inputs = {
        "recipe": RECIPE,
        "source": folder,
        "headers": xen.path / INCLUDE,
        "compiler": compiler(),
        "flags": FLAGS,
    }
    return run(CONTROL, inputs, compile_it)
