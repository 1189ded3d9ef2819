# SPDX-License-Identifier: GPL-2.0-or-later
"""The lock file: which versions are used, and what their files must be.

``sources.lock.toml`` in the repository is what everybody builds from. When Debian has moved on (a
pinned file is no longer in the pool), another version of the same series is used with a warning;
the lock as it then is goes to the cache, under the hash of the repository's, never into the
checkout by itself. ``python -m harness.sources`` takes it over for committing.

The same version with another sha256 is an error: somebody has changed a file.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import SetupError
from harness.paths import cache_dir, repo_root
from harness.progress import warn
from harness.sources.apt import Pinned
from harness.sources.cache import locked

NAME = "sources.lock.toml"
HEAD = """# SPDX-License-Identifier: GPL-2.0-or-later
# Versions and hashes of what is fetched; see harness/sources/lock.py. Written by
# `python -m harness.sources`.
"""


@dataclass(frozen=True, slots=True)
class Request:
    """Packages that are fetched together."""

    suite: str
    arch: str
    names: tuple[str, ...]
    dependencies: bool = True

    @classmethod
    def of(cls, suite: str, arch: str, names: Sequence[str], dependencies: bool) -> Request:
        """The same for the same names in any order."""
        return cls(suite, arch, tuple(sorted(set(names))), dependencies)

    def __str__(self) -> str:
        return f"{self.suite}/{self.arch}: {' '.join(self.names)}"


@dataclass(frozen=True, slots=True)
class Lock:
    """Sources by name with their series, and what each request for packages resolved to."""

    sources: dict[str, tuple[str, Pinned]] = field(default_factory=dict)
    packages: dict[Request, tuple[Pinned, ...]] = field(default_factory=dict)


def repository_path() -> Path:
    """The lock that is committed."""
    return repo_root() / NAME


def overlay_path() -> Path:
    """The lock as this machine had to rewrite it; another one for another committed lock."""
    try:
        digest = hashlib.sha256(repository_path().read_bytes()).hexdigest()[:16]
    except FileNotFoundError:
        digest = "none"
    return cache_dir() / "lock" / f"{digest}.toml"


def load() -> Lock:
    """The lock in force: the committed one, or what it was rewritten to here."""
    for path in (overlay_path(), repository_path()):
        if path.exists():
            return parse(path.read_text(), path)
    return Lock()


def parse(text: str, path: Path) -> Lock:
    """Read a lock. Raises SetupError naming the file and the entry."""
    entry = "file"
    try:
        document = tomllib.loads(text)
        lock = Lock()
        for source in document.get("source", []):
            entry = f"source {source.get('name')}"
            series = source.pop("series")
            lock.sources[source["name"]] = (series, _pinned(source))
        for packages in document.get("packages", []):
            entry = f"packages {packages.get('names')}"
            request = Request.of(
                packages["suite"],
                packages["arch"],
                packages["names"],
                packages["dependencies"],
            )
            lock.packages[request] = tuple(_pinned(one) for one in packages["files"])
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise SetupError(
            f"malformed lock file: {error}",
            where=f"{path}: {entry}",
            hint=f"restore it (git checkout {NAME}; or remove it if it is in the cache)",
        ) from error
    return lock


def dump(lock: Lock) -> str:
    """The lock as TOML, sorted, so that its diff is readable."""
    lines = [HEAD]
    for name in sorted(lock.sources):
        series, pinned = lock.sources[name]
        lines.append(f"[[source]]\nseries = {json.dumps(series)}")
        lines += [f"{key} = {json.dumps(value)}" for key, value in _fields(pinned).items()]
        lines.append("")
    for request in sorted(lock.packages, key=str):
        lines.append(f"[[packages]]\nsuite = {json.dumps(request.suite)}")
        lines.append(f"arch = {json.dumps(request.arch)}")
        lines.append(f"dependencies = {json.dumps(request.dependencies)}")
        lines.append(f"names = {json.dumps(list(request.names))}\nfiles = [")
        for pinned in lock.packages[request]:
            pairs = ", ".join(f"{k} = {json.dumps(v)}" for k, v in _fields(pinned).items())
            lines.append(f"    {{ {pairs} }},")
        lines.append("]\n")
    return "\n".join(lines)


def record_source(name: str, series: str, pinned: Pinned) -> None:
    """Use that version of a source from now on, on this machine."""
    with locked("lockfile"):
        lock = load()
        lock.sources[name] = (series, pinned)
        _write_overlay(lock)


def check_packages(request: Request, files: Sequence[Pinned]) -> None:
    """Compare what Debian has now with what is locked: SetupError, warnings, or nothing."""
    known = load().packages.get(request)
    if known is None:
        warn(f"not locked yet: {request} (commit it with: python -m harness.sources)")
    by_name = {one.name: one for one in known or ()}
    for pinned in files:
        if pinned.name in by_name:
            compare(by_name[pinned.name], pinned)


def record_packages(request: Request, files: Sequence[Pinned]) -> None:
    """Use these versions for the request from now on, on this machine."""
    with locked("lockfile"):
        lock = load()
        lock.packages[request] = tuple(files)
        _write_overlay(lock)


def compare(locked_one: Pinned, found: Pinned) -> None:
    """Same version, another sha256: error. Another version: warning."""
    if locked_one.version == found.version:
        if locked_one.sha256 != found.sha256:
            raise SetupError(
                f"{found.name} {found.version} has sha256 {found.sha256}, "
                f"locked is {locked_one.sha256}",
                where=NAME,
                hint="the same version must be the same file: find out who changed it",
            )
    else:
        warn(
            f"{found.name} {locked_one.version} is locked; using {found.version}, "
            f"which Debian has now (commit it with: python -m harness.sources)"
        )


def adopt() -> bool:
    """Write the lock in force into the checkout. Returns whether it differed."""
    text = dump(load())
    path = repository_path()
    if path.exists() and path.read_text() == text:
        return False
    path.write_text(text)
    return True


def _write_overlay(lock: Lock) -> None:
    path = overlay_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_text(dump(lock))
    partial.rename(path)


def _fields(pinned: Pinned) -> dict[str, str | int]:
    return {
        "name": pinned.name,
        "version": pinned.version,
        "pool": pinned.pool,
        "sha256": pinned.sha256,
        "size": pinned.size,
    }


def _pinned(values: dict[str, str | int]) -> Pinned:
    pinned = Pinned(
        name=str(values["name"]),
        version=str(values["version"]),
        pool=str(values["pool"]),
        sha256=str(values["sha256"]),
        size=int(values["size"]),
    )
    if not re.fullmatch("[0-9a-f]{64}", pinned.sha256):
        raise ValueError(f"sha256 of {pinned.name} is not 64 hex digits")
    return pinned
