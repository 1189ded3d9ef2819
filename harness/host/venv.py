# SPDX-License-Identifier: GPL-2.0-or-later
"""The virtual environment in the checkout: .venv, with the ``harness`` command."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from harness.errors import SetupError
from harness.paths import repo_root

STAMP = "xen-memcompress.stamp"


def ensure(*, say: Callable[[str], None]) -> Path:
    """Make .venv as pyproject.toml asks, unless it is so already; returns its bin directory.

    Raises SetupError; a half-made one has no stamp and is made anew.
    """
    root = repo_root()
    venv = root / ".venv"
    stamp = venv / STAMP
    wanted = stamp_of(root)
    if _read(stamp) == wanted:
        return venv / "bin"
    venv.mkdir(exist_ok=True)
    # .venv itself is what two makes at the same time would both fill.
    with (root / "pyproject.toml").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if _read(stamp) == wanted:
            return venv / "bin"
        # One that is whole and only lacks what pyproject.toml asks for since is in use, perhaps.
        whole = _read(stamp).partition(" ")[2] == wanted.partition(" ")[2]
        say("bringing .venv up to date" if whole else "making .venv")
        stamp.unlink(missing_ok=True)
        if not whole:
            _run([sys.executable, "-m", "venv", "--clear", str(venv)], "python3 -m venv failed")
        _run(
            [str(venv / "bin/pip"), "install", "--quiet", "--editable", str(root)],
            "the harness's Python packages cannot be installed",
        )
        stamp.write_text(wanted)
    return venv / "bin"


def stamp_of(root: Path) -> str:
    """What the environment depends on: what is asked for, who runs it, and where it is."""
    asked = hashlib.sha256((root / "pyproject.toml").read_bytes()).hexdigest()
    return f"{asked} {sys.version_info[:3]} {root}\n"


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _run(command: list[str], failure: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if not line.startswith("WARNING")]
        raise SetupError(
            failure,
            where=" ".join(command[:3]),
            hint="check the network and pip's configuration, then make again",
            context=lines[-12:],
        )
