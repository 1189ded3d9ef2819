# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a run comes from: the checkout, this machine, and the command that repeats it."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from harness.paths import repo_root
from harness.sources.cache import digest_of


def checkout() -> dict[str, Any] | None:
    """Commit of this checkout and whether files differ from it; None without git."""
    commit, changed = _git("rev-parse", "HEAD"), _git("status", "--porcelain")
    if commit is None or changed is None:
        return None
    return {"commit": commit.strip(), "changed": bool(changed.strip())}


@cache
def patch_set() -> str:
    """Hash of this checkout's part of Xen: the new files, and the patches to Xen's own."""
    ours = repo_root() / "xen-patches"
    return digest_of({"files": ours / "files", "patches": ours / "patches"})


@cache
def host() -> Mapping[str, Any]:
    """What the emulator runs on; wall time means nothing without it."""
    return {
        "machine": platform.machine(),
        "processors": len(os.sched_getaffinity(0)),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "qemu": _first_line("qemu-system-aarch64", "--version"),
    }


# Where a run was left, and on which of several testbeds it ran, is not part of what it is.
PLACES = ("--out", "--name")


def reproduce(command_line: Sequence[str]) -> str:
    """The command that repeats a run, for a shell in the checkout."""
    if not command_line:
        return ""
    program = Path(command_line[0])
    # However it was started: the console script, or python -m harness.cli.app.
    name = "harness" if program.name in ("harness", "app.py") else str(program)
    words: list[str] = []
    value_of_place = False
    for word in command_line[1:]:
        if value_of_place:
            value_of_place = False
        elif word in PLACES:
            value_of_place = True
        elif word != "--resume" and not word.startswith(tuple(f"{key}=" for key in PLACES)):
            words.append(word)
    return shlex.join([name, *words])


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(repo_root()), *words], capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _first_line(*words: str) -> str | None:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.splitlines()[0] if done.stdout else None
