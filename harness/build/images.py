# SPDX-License-Identifier: GPL-2.0-or-later
"""dom0 and the Linux guest: files of Debian packages, our overlay, what we built.

images/<name>/packages.txt   packages, with what they depend on
images/<name>/files.txt      which of their files go where; libraries come by being linked to
images/<name>/overlay/       files of our own
images/common/               files of our own in every image
"""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.build.elf import MAGIC, Elf
from harness.build.initramfs import Tree, write_initramfs
from harness.build.packages import Packages, contents, read_list
from harness.build.step import Built, run
from harness.errors import SetupError
from harness.paths import repo_root
from harness.progress import Step

RECIPE = 1
INITRD = "initrd.gz"
LIBRARIES = "usr/lib"
MERGED = ("bin", "sbin", "lib")


@dataclass(frozen=True, slots=True)
class Addition:
    """A file that we built: where it is, where it goes, and the digest of what made it."""

    path: Path
    to: str
    digest: str
    executable: bool = True


def recipe(name: str) -> Path:
    """Folder of an image's recipe."""
    return repo_root() / "images" / name


def wanted_packages(name: str) -> list[str]:
    """Packages that the image's files come from."""
    return read_list(recipe(name) / "packages.txt")


def build_image(name: str, packages: Packages, additions: list[Addition]) -> Built:
    """An initramfs. Raises SetupError when no package has a file that the recipe names."""
    folder = recipe(name)
    inputs = {
        "recipe": RECIPE,
        "packages": packages.hashes,
        "files": folder / "files.txt",
        "overlay": folder / "overlay",
        "common": recipe("common"),
        "additions": [[one.to, one.digest, one.executable] for one in additions],
    }

    def make(out: Path, progress: Step) -> None:
        progress.note("reading packages")
        tree = skeleton()
        add_files(tree, folder / "files.txt", PackageFiles(packages))
        tree.overlay(recipe("common"))
        tree.overlay(folder / "overlay")
        for one in additions:
            mode = 0o755 if one.executable else 0o644
            tree.file(one.to, one.path.read_bytes(), mode=mode)
        progress.note("packing")
        write_initramfs(tree, out / INITRD)

    return run(f"{name}-image", inputs, make)


def skeleton() -> Tree:
    """What a root has before anything is in it."""
    tree = Tree()
    for path in ("dev", "etc", "proc", "run", "sys", "usr/bin", "usr/sbin", LIBRARIES):
        tree.folder(path)
    tree.folder("root", mode=0o700)
    tree.folder("tmp", mode=0o1777)
    for path in MERGED:
        tree.link(path, f"usr/{path}")
    # The kernel opens it for /init before anything can be mounted.
    tree.character_device("dev/console", 5, 1)
    tree.character_device("dev/null", 1, 3, mode=0o666)
    tree.link("usr/bin/sh", "busybox")
    return tree


class PackageFiles:
    """Files of all packages, by path; symbolic links are followed among them."""

    def __init__(self, packages: Packages) -> None:
        self._files: dict[str, bytes] = {}
        self._links: dict[str, str] = {}
        self._libraries: dict[str, str] = {}
        for deb in packages.paths:
            with contents(deb) as archive:
                for member in archive:
                    self._add(archive, member)

    def read(self, path: str) -> bytes:
        """Content of a file. Raises KeyError."""
        seen = set()
        while path in self._links and path not in seen:
            seen.add(path)
            path = self._links[path]
        return self._files[path]

    def library(self, name: str) -> bytes:
        """Content of a library, by the name that programs know. Raises KeyError."""
        return self.read(self._libraries[name])

    def _add(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        path = member.name.removeprefix("./").rstrip("/")
        if not path.startswith("usr/"):
            path = f"usr/{path}" if path.partition("/")[0] in MERGED else path
        name = posixpath.basename(path)
        if ".so" in name:
            self._libraries.setdefault(name, path)
        if member.issym():
            target = posixpath.join("/" + posixpath.dirname(path), member.linkname)
            self._links[path] = posixpath.normpath(target).lstrip("/")
        elif member.islnk():
            self._links[path] = member.linkname.removeprefix("./")
        elif member.isfile():
            stream = archive.extractfile(member)
            self._files[path] = stream.read() if stream else b""


def add_files(tree: Tree, listing: Path, files: PackageFiles) -> None:
    """Add what the list names, and all libraries that it is linked to."""
    missing: dict[str, str] = {}
    for line in read_list(listing):
        source, _, to = line.partition(" ")
        try:
            content = files.read(source)
        except KeyError as error:
            raise SetupError(f"no package has {source}", where=str(listing)) from error
        tree.file(to.strip(), content, mode=0o755)
        _collect(content, source, files, missing)
    for name, content in sorted(_resolve(missing, files, listing).items()):
        tree.file(f"{LIBRARIES}/{name}", content, mode=0o755)


def _collect(content: bytes, by: str, files: PackageFiles, into: dict[str, str]) -> None:
    """Note which libraries a file needs, and by whom."""
    if content.startswith(MAGIC):
        elf = Elf(content)
        interpreter = [posixpath.basename(elf.interpreter)] if elf.interpreter else []
        for name in [*elf.needed, *interpreter]:
            into.setdefault(name, by)


def _resolve(needed: Mapping[str, str], files: PackageFiles, listing: Path) -> dict[str, bytes]:
    """Contents of these libraries and of those that they need in turn."""
    open_, found = dict(needed), dict[str, bytes]()
    while open_:
        name, by = open_.popitem()
        if name in found:
            continue
        try:
            found[name] = files.library(name)
        except KeyError as error:
            raise SetupError(
                f"no package has {name}, which {by} needs", where=str(listing)
            ) from error
        _collect(found[name], name, files, open_)
    return found
