# SPDX-License-Identifier: GPL-2.0-or-later
"""What is in the cache, what of it nobody has used for long, and whether it is still whole.

The cache is shared by all checkouts of a machine, and nothing leaves it by itself. What a checkout
has built last, and what a lock file names, is kept whatever its age; all else can be made or
fetched again, and is removed when it was not used for as long as the user says.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from harness.errors import SetupError
from harness.paths import cache_dir
from harness.sources import lock
from harness.sources.cache import MANIFEST, damage, discard, locked, no_space_is_setup_error
from harness.sources.pool import damaged

NOTE = "built.json"


class Kind(StrEnum):
    """Folders of the cache."""

    OBJECT = "objects"
    """What steps made, by their inputs."""
    DOWNLOAD = "downloads"
    """Files of Debian's pool, by sha256."""
    WORK = "work"
    """Trees in which is compiled; without one the next build of it is a whole one."""
    LOG = "logs"
    LEFT = "tmp"
    """What was being made; of a process that was killed it stays."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in the cache.

    used_s: seconds since it was last used, as far as that is known
    kept:   why it stays whatever its age; empty: it may go
    """

    kind: Kind
    name: str
    path: Path
    size_bytes: int
    used_s: float
    kept: str = ""


def entries() -> list[Entry]:
    """All of it, the largest first. Raises SetupError for a cache that cannot be read."""
    with no_space_is_setup_error():
        built, named = _built(), _named()
        found = []
        for kind in Kind:
            for path in _children(cache_dir() / kind):
                kept = ""
                if kind is Kind.OBJECT and path in built:
                    kept = "built last by a checkout"
                elif kind is Kind.DOWNLOAD and path.name in named:
                    kept = "named by a lock file"
                size, used = _measure(path)
                name = _name(kind, path)
                age = max(0.0, time.time() - used)
                found.append(Entry(kind, name, path, size, age, kept))
    return sorted(found, key=lambda entry: (-entry.size_bytes, entry.name))


def prune(unused_s: float, *, dry_run: bool = False) -> list[Entry]:
    """Remove what may go and was not used for ``unused_s`` seconds; what that was, or would be.

    One that somebody makes or uses at this moment is left.
    """
    gone = []
    for entry in entries():
        if entry.kept or entry.used_s < unused_s:
            continue
        if dry_run or _remove(entry, unused_s):
            gone.append(entry)
    return gone


def verify(*, remove: bool = False) -> Iterator[tuple[Entry, str]]:
    """Every object and download, and what of it is not as it was made; empty when all is.

    remove: take those away at once; without, the next build that wants one makes it again
    """
    for entry in entries():
        if entry.kind is Kind.OBJECT:
            wrong = damage(entry.path)
        elif entry.kind is Kind.DOWNLOAD:
            wrong = damaged(entry.path)
        else:
            continue
        if wrong and remove:
            with _alone(entry):
                discard(entry.path)
        yield entry, wrong


def _remove(entry: Entry, unused_s: float) -> bool:
    with _alone(entry):
        try:
            _, used = _measure(entry.path)
        except OSError:
            return False
        if time.time() - used < unused_s:
            return False
        discard(entry.path)
    return True


@contextmanager
def _alone(entry: Entry) -> Iterator[None]:
    """Nobody else makes or changes it meanwhile."""
    name = entry.path.name
    names = [name]
    if entry.kind is Kind.DOWNLOAD:
        names = [f"download-{name}"]
    elif entry.kind is Kind.WORK:
        # A checkout's folder has several trees, with a lock each.
        held = (cache_dir() / "locks").glob(f"work-{name}*")
        names = sorted({f"work-{name}", *(path.name for path in held)})
    elif entry.kind is Kind.LEFT:
        names = [name.rpartition(".")[0] or name]
    with ExitStack() as stack:
        for one in names:
            stack.enter_context(locked(one))
        yield


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


def _name(kind: Kind, path: Path) -> str:
    if kind is Kind.DOWNLOAD:
        return next((file.name for file in _children(path)), path.name)
    return path.name


def _measure(path: Path) -> tuple[int, float]:
    """Bytes, and when it was last used: the manifest's time for an object, else the newest."""
    size, newest = 0, path.lstat().st_mtime
    if not path.is_dir() or path.is_symlink():
        return path.lstat().st_size, newest
    for base, _, files in os.walk(path):
        for name in files:
            try:
                status = os.lstat(os.path.join(base, name))
            except FileNotFoundError:  # somebody is at it
                continue
            size += status.st_size
            newest = max(newest, status.st_mtime)
    manifest = path / MANIFEST
    return size, manifest.stat().st_mtime if manifest.exists() else newest


def _built() -> set[Path]:
    """Objects that checkouts have built last."""
    found: set[Path] = set()
    for note in (cache_dir() / Kind.WORK).glob(f"*/{NOTE}"):
        try:
            paths = [Path(one["path"]) for one in json.loads(note.read_text()).values()]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise SetupError(
                f"cannot tell what a checkout has built last: {error}",
                where=str(note),
                hint="remove this file, and run harness build in that checkout",
            ) from error
        for path in paths:
            found.update((path, *path.parents))
    return found


def _named() -> set[str]:
    """sha256 of what this checkout's lock and those of the cache name."""
    locks = [lock.load()]
    for path in _children(cache_dir() / "lock"):
        locks.append(lock.parse(path.read_text(), path))
    found: set[str] = set()
    for one in locks:
        found.update(pinned.sha256 for _, pinned in one.sources.values())
        found.update(pinned.sha256 for files in one.packages.values() for pinned in files)
    return found


def total_bytes(found: list[Entry]) -> int:
    """Of all of these."""
    return sum(entry.size_bytes for entry in found)


def free_bytes() -> int:
    """On the disk of the cache."""
    folder = next(path for path in (cache_dir(), *cache_dir().parents) if path.exists())
    return shutil.disk_usage(folder).free
