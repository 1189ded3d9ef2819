# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules built out of the kernel's tree: the guest driver, and what attacks Xen in tests."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from harness.build.kernel import IDENTITY, unpack_tree
from harness.build.step import CROSS_COMPILE, Built, command, compiler, make, run
from harness.paths import cache_dir, repo_root
from harness.progress import Step

RECIPE = 1
MODULE = "xen_memcompress.ko"
HOSTILE = "xmc_hostile.ko"
ABI = "mem_compress.h"


def build_driver(kernel: Built) -> Built:
    """xen_memcompress.ko for this kernel. Raises SetupError when it does not compile."""
    return _build("driver", kernel, "linux", MODULE)


def build_hostile(kernel: Built) -> Built:
    """xmc_hostile.ko, which no image holds: tests push it. Raises SetupError likewise."""
    return _build("hostile", kernel, "hostile", HOSTILE)


def _build(name: str, kernel: Built, folder: str, module: str) -> Built:
    """A module of guest-drivers/; all use the driver's compat/."""
    drivers = repo_root() / "guest-drivers"
    public = repo_root() / "xen-patches/files/xen/include/public"

    def compile_module(out: Path, progress: Step) -> None:
        work = cache_dir() / "work"
        work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=work) as temporary:
            tree, copy = Path(temporary) / "kernel", Path(temporary) / folder
            progress.note("unpacking the kernel's tree")
            unpack_tree(kernel, tree)
            shutil.copytree(drivers / "linux", Path(temporary) / "linux")
            if folder != "linux":
                shutil.copytree(drivers / folder, copy)
            command(
                make(tree, "ARCH=arm64", f"M={copy}", "modules"),
                what=f"{name}: build",
                env={**IDENTITY, "XEN_PUBLIC": str(public)},
            )
            command(
                [f"{CROSS_COMPILE}strip", "--strip-debug", "-o", out / module, copy / module],
                what=f"{name}: strip",
            )

    inputs = {
        "recipe": RECIPE,
        "source": drivers / folder,
        "abi": public / ABI,
        "kernel": kernel.digest,
        "compiler": compiler(),
    }
    if folder != "linux":
        inputs["compat"] = drivers / "linux" / "compat"
    return run(name, inputs, compile_module)
