# SPDX-License-Identifier: GPL-2.0-or-later
"""Unpack archives that were verified by their hash."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable
from pathlib import Path


def extract_all(
    archive: tarfile.TarFile, folder: Path, members: Iterable[tarfile.TarInfo] | None = None
) -> None:
    """Extract into ``folder``, all or the given members.

    Python warns (3.12) when no filter is named, and Debian 12's 3.11.2 does not know the argument.
    What comes here is pinned by sha256, so none of it needs to be filtered.
    """
    if hasattr(tarfile, "fully_trusted_filter"):
        archive.extractall(folder, members=members, filter="fully_trusted")
    else:
        archive.extractall(folder, members=members)
