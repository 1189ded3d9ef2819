# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's own style check, out of the very source that the guests' kernel is built from."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Sequence
from pathlib import Path

from harness.build import packages
from harness.build.kernel import unpack_source
from harness.build.step import run
from harness.errors import SetupError
from harness.progress import Step

RECIPE = 1
SOURCE = "linux-source-6.12"
SCRIPT = "scripts/checkpatch.pl"
MEMBERS = (SCRIPT, "scripts/spelling.txt", "scripts/const_structs.checkpatch")
# A file that is not in the kernel's tree is in no MAINTAINERS, and may ask which kernel it is.
OUT_OF_TREE = ("FILE_PATH_CHANGES", "LINUX_VERSION_CODE")
# A program has C's library, not the kernel's, and touches memory for its own sake.
PROGRAMS = (
    *OUT_OF_TREE,
    "BIT_MACRO",
    "STRCPY",
    "FUNCTION_ARGUMENTS",
    "VOLATILE",
    "PREFER_KERNEL_TYPES",
    "PREFER_DEFINED_ATTRIBUTE_MACRO",
    "ARRAY_SIZE",
)


@functools.cache
def script() -> Path:
    """checkpatch.pl beside the lists that it reads, from the cache or the mirror."""
    debs = packages.fetch([SOURCE], dependencies=False)

    def extract(out: Path, progress: Step) -> None:
        progress.note("reading the kernel's source")
        unpack_source(debs.paths[0], out, MEMBERS)

    built = run("checkpatch", {"recipe": RECIPE, "deb": list(debs.hashes)}, extract)
    return built.path / SCRIPT


def problems(
    files: Sequence[Path], *, ignored: Sequence[str] = OUT_OF_TREE, checker: Path | None = None
) -> list[str]:
    """Lines ``file:line: what`` of everything that it finds in these files.

    ignored: types of finding that do not count
    """
    if not files:
        return []
    checker = checker or script()
    command = ["perl", str(checker), "--no-tree", "--strict", "--terse", "--show-types", "--file"]
    try:
        done = subprocess.run(
            [*command, f"--ignore={','.join(ignored)}", *map(str, files)],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    except FileNotFoundError as error:
        raise SetupError("no perl here", where="lint", hint="harness doctor") from error
    lines = done.stdout.splitlines()
    found = [line for line in lines if ": " in line and not line.startswith("total:")]
    if done.returncode and not found:
        raise SetupError(
            f"checkpatch.pl failed with status {done.returncode}",
            where=str(checker),
            context=done.stderr.splitlines()[-10:],
        )
    return found
