# SPDX-License-Identifier: GPL-2.0-or-later
"""Which files there are to check: those git knows or would add."""

from __future__ import annotations

import subprocess
from pathlib import Path

from harness.errors import SetupError
from harness.paths import repo_root


def tracked(*patterns: str) -> list[Path]:
    """Files of the checkout that match git's patterns (all without one), not ignored ones."""
    root = repo_root()
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"]
    try:
        done = subprocess.run([*command, *patterns], cwd=root, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError("git cannot list the files", where=str(root)) from error
    names = filter(None, done.stdout.decode("utf-8", "surrogateescape").split("\0"))
    # A file removed but not yet committed is still listed.
    return sorted({root / name for name in names if (root / name).is_file()})


def shell_scripts() -> list[Path]:
    """Files that a shell runs."""
    return [path for path in tracked() if _interpreter(path) in ("sh", "bash", "dash")]


def _interpreter(path: Path) -> str:
    with path.open("rb") as file:
        first = file.readline(200).decode("utf-8", "replace").split()
    if not first or not first[0].startswith("#!"):
        return ""
    if first[0] == "#!":  # "#! /bin/sh" is as good
        first = first[1:]
    words = [word.removeprefix("#!").rpartition("/")[2] for word in first]
    # busybox sh, env bash
    return next((word for word in words if word not in ("env", "busybox")), "")
