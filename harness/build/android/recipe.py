# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads images/android/recipe.toml and files.txt, and says what is wrong with them."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import SetupError

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SUITES = ("bookworm", "trixie")


@dataclass(frozen=True, slots=True)
class PoolFile:
    """A file of the Debian pool, by path and content; size in bytes."""

    name: str
    pool: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Archive:
    """A source archive.

    strip: leading folders that are taken away
    parts: what is unpacked, patterns of paths after that
    """

    file: PoolFile
    strip: int
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Application:
    """A real application and the size of the data that it is given.

    code: path in androguard's archive, of a dex file or an APK
    """

    name: str
    code: str
    heap_kib: int
    licence: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """images/android/recipe.toml.

    build, guest: suite -> names of packages
    """

    folder: Path
    archives: dict[str, Archive]
    package_files: dict[str, PoolFile]
    build: dict[str, tuple[str, ...]]
    guest: dict[str, tuple[str, ...]]
    applications: tuple[Application, ...]


@dataclass(frozen=True, slots=True)
class Install:
    """Files of a suite's packages that match a pattern, into a folder of the guest."""

    suite: str
    pattern: str
    folder: str


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link of the guest."""

    path: str
    target: str


def load(folder: Path) -> Recipe:
    """Read a recipe. Raises SetupError with file and key."""
    file = folder / "recipe.toml"
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SetupError(f"the Android recipe cannot be read: {error}", where=str(file)) from error
    try:
        return _recipe(folder, table)
    except (KeyError, TypeError, ValueError) as error:
        raise SetupError(f"the Android recipe is wrong: {error}", where=str(file)) from error


def _recipe(folder: Path, table: dict[str, Any]) -> Recipe:
    archives = {}
    for entry in table["archive"]:
        file = _pool_file(entry)
        archives[file.name] = Archive(file, int(entry["strip"]), tuple(entry["parts"]))
    files = [_pool_file(entry) for entry in table.get("package-file", ())]
    applications = tuple(
        Application(str(a["name"]), str(a["code"]), int(a["heap_kib"]), str(a["licence"]))
        for a in table["application"]
    )
    if len(applications) < 2:
        raise ValueError("an Android guest has at least two applications")
    return Recipe(
        folder=folder,
        archives=archives,
        package_files={f.name: f for f in files},
        build=_packages(table["packages"]["build"]),
        guest=_packages(table["packages"]["guest"]),
        applications=applications,
    )


def _pool_file(entry: dict[str, Any]) -> PoolFile:
    file = PoolFile(
        str(entry["name"]), str(entry["pool"]), str(entry["sha256"]), int(entry["size"])
    )
    if not file.pool.startswith("pool/"):
        raise ValueError(f"{file.name}: not a path in the pool: {file.pool}")
    if not _SHA256.fullmatch(file.sha256):
        raise ValueError(f"{file.name}: not a sha256: {file.sha256}")
    return file


def _packages(table: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    for suite in table:
        if suite not in _SUITES:
            raise ValueError(f"packages of suite {suite}: only {', '.join(_SUITES)} are used")
    return {suite: tuple(names) for suite, names in table.items()}


def parse_files(text: str, *, where: str = "files.txt") -> list[Install | Link]:
    """Lines of files.txt. Raises SetupError naming the line."""
    found: list[Install | Link] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 3 or words[0] not in (*_SUITES, "link"):
            raise SetupError(
                f"not SUITE PATTERN FOLDER or link PATH TARGET: {line.strip()}",
                where=f"{where}:{number}",
            )
        if words[0] == "link":
            found.append(Link(words[1], words[2]))
        else:
            found.append(Install(words[0], words[1], words[2]))
    return found
