# SPDX-License-Identifier: GPL-2.0-or-later
"""How each patch fits a tree that it was not made for."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from harness.build.patches import run_patch, touched
from harness.patches.series import Patch

# As patch(1) without -F has it.
FUZZ = 2
_FAILED = re.compile(r"^Hunk #\d+ FAILED.*|^can't find file.*|.*hunks? ignored$", re.MULTILINE)
_FILE = re.compile(r"^(?:checking|patching) file '?(.*?)'?$", re.MULTILINE)


class How(StrEnum):
    """From well to badly."""

    APPLIES = "applies"
    """Exactly where it was made for."""
    OFFSET = "offset"
    """The lines are elsewhere in the file."""
    FUZZ = "fuzz"
    """The lines around it are others: to be looked at."""
    FAILS = "fails"


@dataclass(frozen=True, slots=True)
class Fit:
    """What came of one patch; after one that fails, the next meet a tree without it."""

    patch: str
    how: How
    failed: tuple[str, ...] = ()
    """Its files of which a part was not taken."""


def fit(
    patches: Sequence[Patch], files: Mapping[str, bytes]
) -> tuple[list[Fit], dict[str, bytes | None]]:
    """Apply the patches in order, each as well as it goes.

    files: contents before, of those that exist of what the patches touch

    Returns what came of each, and the files after those that were taken, None for one that is gone.
    """
    names = touched([patch.path for patch in patches])
    with tempfile.TemporaryDirectory(prefix="fit-") as temporary:
        folder = Path(temporary)
        for name in names & files.keys():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files[name])
        found = [_fit_one(patch, folder) for patch in patches]
        after: dict[str, bytes | None] = dict.fromkeys(names & files.keys())
        for path in folder.rglob("*"):
            if path.is_file():
                after[path.relative_to(folder).as_posix()] = path.read_bytes()
        return found, after


def _fit_one(patch: Patch, folder: Path) -> Fit:
    for fuzz in (0, FUZZ):
        status, said = run_patch(patch.path, folder, fuzz=fuzz, dry_run=True)
        if status == 0:
            run_patch(patch.path, folder, fuzz=fuzz)
            moved = How.OFFSET if "(offset " in said else How.APPLIES
            return Fit(patch.name, How.FUZZ if fuzz else moved)
    return Fit(patch.name, How.FAILS, failed_files(said))


def failed_files(said: str) -> tuple[str, ...]:
    """Names of the files of which patch(1) says that it could not change a part."""
    names = _FILE.split(said)
    pairs = zip(names[1::2], names[2::2], strict=True)
    failed = [name for name, words in pairs if _FAILED.search(words)]
    if _FAILED.search(names[0]):
        failed.insert(0, "a file that is not there")
    return tuple(dict.fromkeys(failed))
