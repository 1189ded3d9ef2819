# SPDX-License-Identifier: GPL-2.0-or-later
"""What the build asks for: packages and sources as locked, from the cache or the mirror.

Nothing asks apt while the locked files can be had: a warm build needs neither network nor apt, a
cold one fetches exactly the locked versions. Only when the pool no longer has one of them is apt
asked what there is now.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from harness.errors import SetupError
from harness.sources import apt, lock
from harness.sources.apt import Pinned
from harness.sources.mirror import NotThere
from harness.sources.pool import fetch_pool

SUITE = "trixie"
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Source:
    """A source tarball in the cache."""

    name: str
    version: str
    sha256: str
    path: Path


def locked_packages(
    suite: str,
    arch: str,
    names: Sequence[str],
    *,
    dependencies: bool = True,
    offline: bool = False,
) -> tuple[Pinned, ...]:
    """Which files the packages are, without fetching them: their hashes are a step's inputs."""
    request = lock.Request.of(suite, arch, names, dependencies)
    known = lock.load().packages.get(request)
    if known is not None:
        return known
    if offline:
        raise _never_resolved(request)
    files = _resolve(request)
    lock.check_packages(request, files)
    lock.record_packages(request, files)
    return files


def fetch_packages(
    suite: str,
    arch: str,
    names: Sequence[str],
    *,
    dependencies: bool = True,
    offline: bool = False,
) -> list[Path]:
    """The packages and all they depend on, as .deb files, sorted by name.

    Raises SetupError, TransientError.
    """
    request = lock.Request.of(suite, arch, names, dependencies)
    known = lock.load().packages.get(request)
    if known is not None:
        # Else the archive has moved on, and its index is asked what replaced it.
        with contextlib.suppress(NotThere):
            return _fetch_all(known, offline)
    elif offline:
        raise _never_resolved(request)
    files = _resolve(request)
    lock.check_packages(request, files)
    paths = _fetch_all(files, offline)
    # Only now: what cannot be fetched is not locked.
    lock.record_packages(request, files)
    return paths


def locked_source(name: str) -> Pinned:
    """Which tarball a source is, without fetching it."""
    sources = lock.load().sources
    if name not in sources:
        raise SetupError(f"source {name} is not locked", where=lock.NAME)
    return sources[name][1]


def fetch_source(name: str, *, suite: str = SUITE, offline: bool = False) -> Source:
    """A source tarball: the locked version, else with a warning the series' newest.

    Raises SetupError naming both versions when neither is to be had.
    """
    series, pinned = lock.load().sources.get(name, ("", None))
    if pinned is None:
        raise SetupError(f"source {name} is not locked", where=lock.NAME)
    try:
        path = fetch_pool(pinned.pool, pinned.sha256, pinned.size, offline=offline)
    except NotThere as gone:
        newest = apt.source_entry(suite, name, series=series).orig
        lock.compare(pinned, newest)
        try:
            path = fetch_pool(newest.pool, newest.sha256, newest.size)
        except NotThere as also_gone:
            raise SetupError(
                f"the mirror has neither {name} {pinned.version}, which is locked, "
                f"nor {newest.version}, the newest {series} of its own index",
                where=f"{gone.where}, {also_gone.where}",
                hint="try another mirror with XMC_DEBIAN_MIRROR, or later",
            ) from also_gone
        lock.record_source(name, series, newest)
        pinned = newest
    return Source(name, pinned.version, pinned.sha256, path)


def unpack_deb(deb: Path, directory: Path) -> None:
    """Unpack a package's files, owned by whoever runs this."""
    try:
        subprocess.run(
            ["dpkg-deb", "--extract", str(deb), str(directory)], check=True, capture_output=True
        )
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()
        raise SetupError(f"cannot unpack {deb.name}: {said}", where=str(deb)) from error
    except FileNotFoundError as error:
        raise SetupError("no dpkg-deb: this is not a Debian machine") from error


def _never_resolved(request: lock.Request) -> SetupError:
    return SetupError(
        f"these packages were never resolved, and --offline forbids to ask apt: {request}",
        where=lock.NAME,
        hint="run once without --offline",
    )


def _resolve(request: lock.Request) -> tuple[Pinned, ...]:
    return apt.resolve(
        request.suite, request.arch, request.names, dependencies=request.dependencies
    )


def _fetch_all(files: Sequence[Pinned], offline: bool) -> list[Path]:
    def fetch(one: Pinned) -> Path:
        return fetch_pool(one.pool, one.sha256, one.size, offline=offline)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(fetch, files))
