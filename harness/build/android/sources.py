# SPDX-License-Identifier: GPL-2.0-or-later
"""Gets the files of the recipe and unpacks them: archives (patched) and packages."""

from __future__ import annotations

import fnmatch
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.build.android.recipe import Archive, PoolFile, Recipe
from harness.build.shell import run
from harness.build.unpack import extract_all
from harness.errors import SetupError
from harness.sources import fetch_packages, fetch_pool, unpack_deb
from harness.sources.mirror import NotThere

ARM64 = "arm64"
# Of lmkd's source, which only the oldest suite has.
_OLD = "system-core"


@dataclass(frozen=True, slots=True)
class Fetched:
    """Files in the download cache, by their name in the recipe.

    build, guest: suite -> packages
    """

    archives: dict[str, Path]
    package_files: dict[str, Path]
    build: dict[str, tuple[Path, ...]]
    guest: dict[str, tuple[Path, ...]]


def fetch(recipe: Recipe, *, offline: bool = False) -> Fetched:
    """Everything the recipe names.

    Raises SetupError naming the file that is not to be had, TransientError.
    """
    return Fetched(
        archives={n: _get(a.file, offline) for n, a in recipe.archives.items()},
        package_files={n: _get(f, offline) for n, f in recipe.package_files.items()},
        build=_packages(recipe.build, offline),
        guest=_packages(recipe.guest, offline),
    )


def _get(file: PoolFile, offline: bool) -> Path:
    try:
        return fetch_pool(file.pool, file.sha256, file.size, offline=offline)
    except NotThere as gone:
        path = PurePosixPath(file.pool)
        why = file.name
        if file.name == _OLD:
            why = "lmkd's source, which only Debian 11 has"
        elif path.suffix == ".deb":
            package = path.name.partition("_")[0]
            why = f"package {package} of unstable, of which there is likely a newer revision by now"
        raise SetupError(
            f"the mirror no longer has {path.name} ({why})",
            where=gone.where,
            hint="name a mirror that keeps older suites with XMC_DEBIAN_MIRROR, or put the file "
            f"with sha256 {file.sha256} into the cache",
        ) from gone


def _packages(wanted: dict[str, tuple[str, ...]], offline: bool) -> dict[str, tuple[Path, ...]]:
    return {
        suite: tuple(fetch_packages(suite, ARM64, names, dependencies=False, offline=offline))
        for suite, names in wanted.items()
    }


def unpack_archive(archive: Archive, file: Path, patches: Sequence[Path], folder: Path) -> Path:
    """Unpack the wanted parts into ``folder`` and apply the patches. Returns the folder."""
    folder.mkdir(parents=True)
    with tarfile.open(file) as tar:
        members = []
        for member in tar:
            path = member_path(member.name, archive.strip)
            if path and wanted(path, archive.parts) and (member.isfile() or member.issym()):
                member.name = path
                members.append(member)
        extract_all(tar, folder, members)
    for patch in patches:
        run(["patch", "--batch", "--fuzz=0", "-p1", "-i", patch], cwd=folder)
    return folder


def member_path(name: str, strip: int) -> str:
    """Path of an archive's member after stripping; empty when nothing is left of it."""
    parts = [part for part in PurePosixPath(name).parts if part != "."]
    return "/".join(parts[strip:])


def wanted(path: str, parts: Iterable[str]) -> bool:
    """Whether a path is one of, or below one of, the parts; patterns match at the top only."""
    for part in parts:
        if path == part or path.startswith(f"{part}/"):
            return True
        if "/" not in path and fnmatch.fnmatchcase(path, part):
            return True
    return False


def unpack_packages(debs: Iterable[Path], folder: Path) -> Path:
    """Unpack packages over one another into ``folder``. Returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    for deb in debs:
        unpack_deb(deb, folder)
    return folder


def patches_of(recipe: Recipe, name: str) -> list[Path]:
    """Patches for an archive, in their order."""
    return sorted((recipe.folder / "patches" / name).glob("[0-9]*.patch"))
