# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things are. Nothing is created here."""

from __future__ import annotations

import os
from pathlib import Path


def repo_root() -> Path:
    """The checkout: recipes and patches are read from it, so the harness runs out of one."""
    return Path(__file__).resolve().parent.parent


def cache_dir() -> Path:
    """Downloads and built things, shared by all checkouts of a user."""
    chosen = os.environ.get("XMC_CACHE_DIR")
    if chosen:
        return Path(chosen).absolute()
    home = os.environ.get("XDG_CACHE_HOME")
    base = Path(home) if home else Path.home() / ".cache"
    return base / "xen-memcompress"


def state_dir() -> Path:
    """State of this checkout's testbeds."""
    return repo_root() / ".testbed"


def runs_dir() -> Path:
    """Run folders."""
    return repo_root() / "runs"
