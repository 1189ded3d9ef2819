# SPDX-License-Identifier: GPL-2.0-or-later
"""Small C programs of this folder, compiled for dom0 against the headers of the Xen that runs."""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness.build.artifacts import existing
from harness.build.step import CROSS_COMPILE, command
from harness.build.tools import FLAGS
from harness.build.xen import INCLUDE
from harness.transport.base import Transport

HERE = Path(__file__).parent


def push_program(dom0: Transport, source: str) -> str:
    """Compile a file of this folder and put it into dom0; its path there."""
    name = Path(source).stem.replace("_", "-")
    include = existing().xen.path.parent / INCLUDE
    with tempfile.TemporaryDirectory(prefix="xmc-") as folder:
        program = Path(folder) / name
        compiler = f"{CROSS_COMPILE}gcc"
        command(
            [compiler, *FLAGS, f"-I{include}", "-o", program, HERE / source],
            what=f"{name}: build",
        )
        dom0.push(program, f"/tmp/{name}")
    return f"/tmp/{name}"
