# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the tools of a build; a failure shows the end of what they said."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import SetupError

_LINES_SHOWN = 30


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> str:
    """Run a command and return what it printed.

    The environment has a fixed time zone and language, so that outputs do not depend on the user.
    Raises SetupError when the tool is missing or fails.
    """
    argv = [str(part) for part in command]
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            env={**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC", **(env or {})},
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError as error:
        raise SetupError(f"{argv[0]} is not installed", hint="run harness doctor") from error
    if done.returncode:
        raise SetupError(
            f"{Path(argv[0]).name} failed with exit code {done.returncode}",
            where=" ".join(argv[:8]),
            context=done.stdout.splitlines()[-_LINES_SHOWN:],
        )
    return done.stdout
