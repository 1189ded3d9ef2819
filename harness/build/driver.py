# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest driver: a module built out of the kernel's tree."""

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
ABI = "mem_compress.h"


def build_driver(kernel: Built) -> Built:
    """xen_memcompress.ko for this kernel. Raises SetupError when it does not compile."""
    source = repo_root() / "guest-drivers" / "linux"
    public = repo_root() / "xen-patches/files/xen/include/public"

    def compile_module(out: Path, progress: Step) -> None:
        work = cache_dir() / "work"
        work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="driver-", dir=work) as temporary:
            tree, module = Path(temporary) / "kernel", Path(temporary) / "driver"
            progress.note("unpacking the kernel's tree")
            unpack_tree(kernel, tree)
            shutil.copytree(source, module)
            command(
                make(module, "ARCH=arm64", f"KDIR={tree}", f"XEN_PUBLIC={public}", "modules"),
                what="driver: build",
                env=IDENTITY,
            )
            command(
                [f"{CROSS_COMPILE}strip", "--strip-debug", "-o", out / MODULE, module / MODULE],
                what="driver: strip",
            )

    inputs = {
        "recipe": RECIPE,
        "source": source,
        "abi": public / ABI,
        "kernel": kernel.digest,
        "compiler": compiler(),
    }
    return run("driver", inputs, compile_module)
