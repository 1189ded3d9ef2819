# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules built out of the kernel's tree: the guest driver, and what attacks Xen in tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.build.debian_kernel import VARIABLES, DebianKernel
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
    return _build("driver", _of_ours(kernel), "linux", MODULE)


def build_debian_driver(kernel: DebianKernel) -> Built:
    """The same for one of Debian's own kernels."""
    debians = _Kernel(kernel.hashes, kernel.lay_out, VARIABLES)
    return _build(f"driver-{kernel.suite}", debians, "linux", MODULE)


def build_hostile(kernel: Built) -> Built:
    """xmc_hostile.ko, which no image holds: tests push it. Raises SetupError likewise."""
    return _build("hostile", _of_ours(kernel), "hostile", HOSTILE)


@dataclass(frozen=True, slots=True)
class _Kernel:
    """What a module is compiled against.

    identity: all of it that decides what comes out
    lay_out:  unpacks it into a folder; where make is run then, with these variables
    """

    identity: object
    lay_out: Callable[[Path], Path]
    variables: Sequence[str] = ()


def _of_ours(kernel: Built) -> _Kernel:
    def lay_out(folder: Path) -> Path:
        unpack_tree(kernel, folder)
        return folder

    return _Kernel(kernel.digest, lay_out)


def _build(name: str, kernel: _Kernel, folder: str, module: str) -> Built:
    """A module of guest-drivers/; all use the driver's compat/."""
    drivers = repo_root() / "guest-drivers"
    public = repo_root() / "xen-patches/files/xen/include/public"

    def compile_module(out: Path, progress: Step) -> None:
        work = cache_dir() / "work"
        work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=work) as temporary:
            tree, copy = Path(temporary) / "kernel", Path(temporary) / folder
            progress.note("unpacking the kernel's tree")
            top = kernel.lay_out(tree)
            shutil.copytree(drivers / "linux", Path(temporary) / "linux")
            if folder != "linux":
                shutil.copytree(drivers / folder, copy)
            command(
                make(top, "ARCH=arm64", *kernel.variables, f"M={copy}", "modules"),
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
        "kernel": kernel.identity,
        "compiler": compiler(),
    }
    if folder != "linux":
        inputs["compat"] = drivers / "linux" / "compat"
    return run(name, inputs, compile_module)
