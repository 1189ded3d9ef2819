# SPDX-License-Identifier: GPL-2.0-or-later
"""xen-memcompress above a pretended Xen (fake_xen.c)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

# Of each domain of the pretended Xen.
FIRST_GFN = 0x40000
PAGES = 1000


class Tool:
    """The compiled tool."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def run(
        self, *words: str, status: int = 0, error: int = 0, fault: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run it; error: what every operation fails with; fault: one of fake_xen.c."""
        environment = {"FAKE_XEN": str(error)} if error else {fault: "1"} if fault else {}
        done = subprocess.run(
            [self._path, *words],
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
            check=False,
        )
        assert done.returncode == status, done.stderr
        return done

    def json(self, *words: str) -> Any:
        """Its answer."""
        return json.loads(self.run(*words, "--json").stdout)
