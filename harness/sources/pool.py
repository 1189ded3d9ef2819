# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of the Debian pool, kept by sha256: <cache_dir>/downloads/<sha256>/<name>."""

from __future__ import annotations

from pathlib import Path

from harness.errors import SetupError
from harness.paths import cache_dir
from harness.sources import mirror
from harness.sources.cache import locked, no_space_is_setup_error, sha256_of

_verified: set[Path] = set()


def fetch_pool(pool_path: str, sha256: str, size: int, *, offline: bool = False) -> Path:
    """The file of that pool path, verified; from the cache if it is there.

    pool_path: as in the archive's index, pool/main/x/xen/...
    size: bytes
    Raises mirror.NotThere (the archive has moved on), SetupError, TransientError.
    """
    path = cached_path(pool_path, sha256)
    if path in _verified and path.exists():
        return path
    with no_space_is_setup_error(), locked(f"download-{sha256}"):
        if not _good(path, sha256, size):
            if offline:
                raise SetupError(
                    f"{path.name} is not in the cache, and --offline forbids to fetch it",
                    where=str(path),
                    hint="run once without --offline",
                )
            mirror.download(mirror.url_of(pool_path), path, sha256=sha256, size=size)
    _verified.add(path)
    return path


def cached_path(pool_path: str, sha256: str) -> Path:
    """Where the file is, or would be."""
    return cache_dir() / "downloads" / sha256 / Path(pool_path).name


def damaged(folder: Path) -> str:
    """What is wrong with a file of the pool, given the folder it is kept in; empty when nothing."""
    files = [path for path in folder.iterdir() if not path.name.startswith(".")]
    if len(files) != 1:
        return f"{len(files)} files instead of one"
    return "" if sha256_of(files[0]) == folder.name else "its sha256 is another one"


def forget_verified() -> None:
    """Check every file again before its next use."""
    _verified.clear()


def _good(path: Path, sha256: str, size: int) -> bool:
    """There and as it should be; a truncated or changed file is removed."""
    if not path.exists():
        return False
    if path.stat().st_size == size and sha256_of(path) == sha256:
        return True
    path.unlink()
    return False
