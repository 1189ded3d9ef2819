# SPDX-License-Identifier: GPL-2.0-or-later
"""Puts the guest's root together."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.build import ext4
from harness.build.android import jars
from harness.build.android.recipe import Link, Recipe, parse_files
from harness.build.images import Addition, skeleton
from harness.build.initramfs import Tree
from harness.errors import SetupError
from harness.paths import repo_root

IMAGE = "android.ext4"
# For logs, host keys, and what a researcher pushes.
_FREE_MIB = 96
_INIT = "init"
_OF_ADBD = ("libipv4.so",)


@dataclass(frozen=True, slots=True)
class Parts:
    """Folders of what the steps made, and of what they unpacked.

    guest: suite -> its packages, unpacked
    """

    core: Path
    services: Path
    native: Path
    applications: Path
    guest: Mapping[str, Path]


def assemble(recipe: Recipe, parts: Parts, additions: Sequence[Addition]) -> Tree:
    """The root of the guest. Raises SetupError when a file that the recipe names is not there."""
    tree = skeleton()
    for folder in ("data", "system/app", "system/bin", "system/framework", "system/lib64"):
        tree.folder(folder)
    _install(tree, recipe.folder / "files.txt", parts.guest)
    tree.overlay(repo_root() / "images/common")
    tree.overlay(recipe.folder / "overlay")
    for jar in sorted([*parts.core.glob("*.jar"), *parts.services.glob("*.jar")]):
        tree.file(f"system/framework/{jar.name}", jar.read_bytes())
    preloaded = parts.services / "preloaded-classes"
    tree.file("system/etc/preloaded-classes", preloaded.read_bytes())
    for program in sorted((parts.native / "bin").iterdir()):
        to = _INIT if program.name == _INIT else f"system/bin/{program.name}"
        tree.file(to, program.read_bytes(), mode=0o755)
    for library in sorted((parts.native / "lib").iterdir()):
        folder = "adbd" if library.name in _OF_ADBD else "lib64"
        tree.file(f"system/{folder}/{library.name}", library.read_bytes())
    _applications(tree, recipe, parts.applications)
    for one in additions:
        tree.file(one.to, one.path.read_bytes(), mode=0o755 if one.executable else 0o644)
    return tree


def write(tree: Tree, image: Path, work: Path) -> None:
    """The tree as an ext4 image; ``work`` is an existing folder for temporary files."""
    scratch = work / "ext4"
    scratch.mkdir()
    ext4.write_ext4(tree, image, label="debian-art", free_mib=_FREE_MIB, scratch=scratch)


def _install(tree: Tree, listing: Path, guest: Mapping[str, Path]) -> None:
    for entry in parse_files(listing.read_text("utf-8"), where=str(listing)):
        if isinstance(entry, Link):
            tree.link(entry.path, entry.target)
            continue
        found = _matching(guest[entry.suite], entry.pattern)
        if not found:
            raise SetupError(
                f"no package of {entry.suite} has {entry.pattern}",
                where=str(listing),
                hint="the package that had it is newer now: see images/android/recipe.toml",
            )
        for path in found:
            tree.file(f"{entry.folder}/{path.name}", path.read_bytes(), mode=0o755)


def _matching(root: Path, pattern: str) -> list[Path]:
    folder, _, name = pattern.rpartition("/")
    found = []
    for place in (root / folder, root / folder.removeprefix("usr/")):
        if place.is_dir():
            found += [p for p in place.iterdir() if fnmatch.fnmatchcase(p.name, name)]
    return sorted(path for path in found if path.is_file())


def _applications(tree: Tree, recipe: Recipe, folder: Path) -> None:
    lines = ["# NAME CODE HEAP_KIB"]
    licences = ["# From Debian's androguard, where they are test data. NAME LICENCE"]
    for app in recipe.applications:
        code = folder / app.code
        if not code.is_file():
            raise SetupError(f"androguard's archive has no {app.code}", where="recipe.toml")
        if code.suffix == ".apk":
            jars.normalise(code)  # mapped from the APK, not copied out of it
        to = f"system/app/{app.name}/{'base' if code.suffix == '.apk' else 'classes'}{code.suffix}"
        tree.file(to, code.read_bytes())
        lines.append(f"{app.name} /{to} {app.heap_kib}")
        licences.append(f"{app.name} {app.licence}")
    tree.file("system/etc/applications", ("\n".join(lines) + "\n").encode())
    tree.file("system/app/LICENCES", ("\n".join(licences) + "\n").encode())
