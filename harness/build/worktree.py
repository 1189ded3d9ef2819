# SPDX-License-Identifier: GPL-2.0-or-later
"""A source tree that stays between builds and follows our files and patches.

Only files that differ are written, so make compiles only what depends on them. Whatever is not
from the tarball is known by name; when it goes, the tarball's file comes back.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.build import patches
from harness.build.step import command
from harness.errors import HypervisorError
from harness.paths import cache_dir, repo_root


def checkout_work() -> Path:
    """Folder of the work trees of this checkout."""
    name = hashlib.sha256(str(repo_root()).encode()).hexdigest()[:12]
    return cache_dir() / "work" / name


class WorkTree:
    """A tree unpacked once; ``path`` is its top."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "tree"
        self._folder = folder
        self._state = folder / "state.json"

    def update(
        self,
        tarball: Path,
        digest: str,
        files: Mapping[str, bytes | None],
        series: Sequence[Path],
    ) -> None:
        """Make it the tarball's content, with these files, and then the patches.

        digest: of the tarball; another one is another tree
        files:  added, or in place of the tarball's; None for one that is taken away

        Raises HypervisorError when a patch does not apply; the tree is as it was then.
        """
        managed = self._managed(digest)
        if managed is None:
            self._unpack(tarball, digest)
            managed = set()
        wanted = changed_files(tarball, files, series)
        gone = managed - wanted.keys()
        restored = pristine(tarball, gone)
        # Known before they are written: an interruption loses none.
        self._save(digest, managed | wanted.keys())
        for name, content in {**dict.fromkeys(gone), **restored, **wanted}.items():
            self._put(name, content)
        self._save(digest, set(wanted))

    def _put(self, name: str, content: bytes | None) -> None:
        path = self.path / name
        if content is None:
            path.unlink(missing_ok=True)
        elif not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def _unpack(self, tarball: Path, digest: str) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self.path.mkdir(parents=True)
        command(
            ["tar", "-xf", tarball, "--strip-components=1", "-C", self.path],
            what="unpack source",
            error=HypervisorError,
        )
        self._save(digest, set())

    def _managed(self, digest: str) -> set[str] | None:
        """Names that are not the tarball's, or None when the tree is not usable."""
        try:
            state = json.loads(self._state.read_text())
        except (OSError, ValueError):
            return None
        return set(state["managed"]) if state.get("tarball") == digest else None

    def _save(self, digest: str, managed: set[str]) -> None:
        partial = self._state.with_suffix(".partial")
        partial.write_text(json.dumps({"tarball": digest, "managed": sorted(managed)}))
        partial.rename(self._state)


def changed_files(
    tarball: Path, files: Mapping[str, bytes | None], series: Sequence[Path]
) -> dict[str, bytes | None]:
    """What these files, and then the patches, make of a tarball; None for one that is no more.

    Raises HypervisorError when a patch does not apply.
    """

    def original(names: set[str]) -> dict[str, bytes]:
        ours = {name: content for name in names if (content := files.get(name)) is not None}
        return pristine(tarball, names - files.keys()) | ours

    return {**files, **patches.apply(series, original)}


def pristine(tarball: Path, names: set[str]) -> dict[str, bytes]:
    """Contents of these files of a tarball, below its one top folder; absent ones are left out."""
    found: dict[str, bytes] = {}
    if not names:
        return found
    with tarfile.open(tarball) as archive:
        for member in archive:
            name = member.name.removeprefix("./").partition("/")[2]
            if name in names and member.isfile():
                stream = archive.extractfile(member)
                found[name] = stream.read() if stream else b""
    return found
