# SPDX-License-Identifier: GPL-2.0-or-later
"""A series of patches: which files it touches, and what they are after it."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.errors import HypervisorError, SetupError

# Also matches a removed or added line that looks like it: then there is no such file.
_NAME = re.compile(rb"^(?:---|\+\+\+) [ab]/([^\t\n]+)", re.MULTILINE)


def read_series(folder: Path) -> list[Path]:
    """The patches of a series, in order; none without a file ``series``.

    Raises HypervisorError when one that is listed is not there.
    """
    series = folder / "series"
    if not series.exists():
        return []
    lines = (line.partition("#")[0].strip() for line in series.read_text().splitlines())
    found = [folder / line for line in lines if line]
    for patch in found:
        if not patch.is_file():
            raise HypervisorError(f"patch {patch.name} is not there", where=str(series))
    return found


def touched(patches: Sequence[Path]) -> set[str]:
    """Names of all files that the patches may read, change or make."""
    return {
        name.decode("utf-8", "surrogateescape")
        for patch in patches
        for name in _NAME.findall(patch.read_bytes())
    }


def apply(
    patches: Sequence[Path], original: Callable[[set[str]], dict[str, bytes]]
) -> dict[str, bytes | None]:
    """Apply the patches in order; the touched files after it, None for one that is no more.

    original: contents before, of those names that exist

    Raises HypervisorError naming the patch that does not apply: no fuzz, a patch goes exactly
    where it was made for.
    """
    if not patches:
        return {}
    names = touched(patches)
    with tempfile.TemporaryDirectory(prefix="patch-") as temporary:
        folder = Path(temporary)
        before = original(names)
        for name, content in before.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for patch in patches:
            _apply_one(patch, folder)
        after: dict[str, bytes | None] = dict.fromkeys(before)
        for path in folder.rglob("*"):
            if path.is_file():
                after[path.relative_to(folder).as_posix()] = path.read_bytes()
        return after


def _apply_one(patch: Path, folder: Path) -> None:
    status, said = run_patch(patch, folder)
    if status != 0:
        raise HypervisorError(
            f"patch {patch.name} does not apply",
            where=str(patch),
            hint="make it anew against the pinned source",
            context=[line for line in said.splitlines() if line],
        )


def run_patch(
    patch: Path, folder: Path, *, fuzz: int = 0, dry_run: bool = False
) -> tuple[int, str]:
    """Status and words of patch(1) in this folder.

    fuzz:    lines of context that need not fit
    dry_run: change nothing
    """
    words = ["patch", "-p1", f"-F{fuzz}", "-f", "-E", "--no-backup-if-mismatch", "-r", "-"]
    try:
        done = subprocess.run(
            [*words, *(["--dry-run"] if dry_run else []), "-i", str(patch.resolve())],
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=False,
        )
    except FileNotFoundError as error:
        raise SetupError("no patch here", hint="harness doctor") from error
    return done.returncode, done.stdout + done.stderr
