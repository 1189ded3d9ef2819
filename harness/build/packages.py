# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian packages as inputs of a step: fetched, and known by their hashes."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.build.step import read
from harness.errors import SetupError
from harness.sources import SUITE, fetch_packages, locked_packages

ARM64 = "arm64"


@dataclass(frozen=True, slots=True)
class Packages:
    """Packages and what they depend on, sorted by name.

    paths:  .deb files in the cache
    hashes: sha256 of each
    """

    paths: tuple[Path, ...]
    hashes: tuple[str, ...]


def fetch(names: Sequence[str], *, dependencies: bool = True, offline: bool = False) -> Packages:
    """Packages of the suite that all our inputs come from.

    Fetched before anything is derived from their hashes: what the archive no longer has is
    replaced, and the lock with it. Raises SetupError, TransientError.
    """
    paths = fetch_packages(SUITE, ARM64, names, dependencies=dependencies, offline=offline)
    pinned = locked_packages(SUITE, ARM64, names, dependencies=dependencies, offline=offline)
    return Packages(tuple(paths), tuple(one.sha256 for one in pinned))


def read_list(path: Path) -> list[str]:
    """Lines of a recipe's list, without comments."""
    lines = (line.partition("#")[0].strip() for line in read(path).decode().splitlines())
    return [line for line in lines if line]


@contextmanager
def contents(deb: Path) -> Iterator[tarfile.TarFile]:
    """The files of a package, as an archive. Raises SetupError when it is not one."""
    try:
        done = subprocess.run(
            ["dpkg-deb", "--fsys-tarfile", deb], capture_output=True, check=True, timeout=300
        )
    except FileNotFoundError as error:
        raise SetupError("no dpkg-deb here: this is not a Debian machine") from error
    except subprocess.CalledProcessError as error:
        words = error.stderr.decode(errors="replace").strip()
        raise SetupError(f"cannot unpack {deb.name}: {words}", where=str(deb)) from error
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        yield archive
