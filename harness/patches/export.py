# SPDX-License-Identifier: GPL-2.0-or-later
"""A series for the mailing list: what git would have made of the same work in Xen's tree."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.build import patches
from harness.build.worktree import pristine
from harness.errors import HypervisorError, SetupError, UsageError
from harness.patches.series import NewFiles, Patch, Series

BRANCH = "series"


def export(series: Series, tarball: Path, linux_files: Path, out: Path) -> list[Path]:
    """Write the patches and a cover letter; returns them in order.

    tarball:     Xen's source
    linux_files: folder with the imports, by their names in Linux's tree
    out:         a folder that has no patches yet

    The author is who git says you are. Nothing is signed off: whoever submits does that.
    Raises UsageError, SetupError (git), HypervisorError (a patch does not apply).
    """
    if out.is_dir() and any(out.glob("*.patch")):
        raise UsageError("there are patches already", where=str(out), hint="name another folder")
    names = patches.touched([patch.path for patch in series.patches])
    with tempfile.TemporaryDirectory(prefix="series-") as temporary:
        repository = _Repository(Path(temporary))
        for name, content in pristine(tarball, names).items():
            repository.put(name, content)
        repository.commit("base")
        base = repository.head()
        for one in _in_order(series):
            if isinstance(one, Patch):
                repository.apply(one)
            else:
                for name, content in _contents(one, series, linux_files).items():
                    repository.put(name, content)
                repository.commit(f"{one.subject}\n\n{one.body}")
        repository.describe(f"{series.title}\n\n{series.letter}")
        return repository.format(base, out)


def _in_order(series: Series) -> Iterator[Patch | NewFiles]:
    for patch in series.patches:
        yield from (group for group in series.groups if group.before == patch.name)
        yield patch


def _contents(group: NewFiles, series: Series, linux_files: Path) -> dict[str, bytes]:
    imports = {to: linux_files / name for to, name in series.imports.items()}
    sources = {**series.files, **imports}
    return {name: path.read_bytes() for name, path in sources.items() if group.has(name)}


class _Repository:
    """A git repository that has only the files that the series touches."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._git("init", "--quiet", f"--initial-branch={BRANCH}")

    def put(self, name: str, content: bytes) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def apply(self, patch: Patch) -> None:
        try:
            self._git("apply", "--index", "--whitespace=nowarn", str(patch.path.resolve()))
        except SetupError as error:
            raise HypervisorError(
                f"patch {patch.name} does not apply", where=str(patch.path), context=error.context
            ) from error
        self.commit(f"{patch.subject}\n\n{patch.body}")

    def commit(self, message: str) -> None:
        self._git("add", "--all")
        self._git("commit", "--quiet", "--no-verify", "--no-gpg-sign", f"--message={message}")

    def head(self) -> str:
        return self._git("rev-parse", "HEAD").strip()

    def describe(self, text: str) -> None:
        self._git("config", f"branch.{BRANCH}.description", text)

    def format(self, base: str, out: Path) -> list[Path]:
        out.mkdir(parents=True, exist_ok=True)
        options = ["--cover-letter", "--cover-from-description=subject", "--no-signoff"]
        done = self._git("format-patch", *options, "-o", str(out.resolve()), f"{base}..{BRANCH}")
        return [Path(line) for line in done.splitlines()]

    def _git(self, *words: str) -> str:
        # Who commits is of interest, other habits of this user are not.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_DIR")}
        try:
            done = subprocess.run(
                ["git", *words], cwd=self._folder, env=kept, capture_output=True, text=True
            )
        except FileNotFoundError as error:
            raise SetupError("no git here", hint="harness doctor") from error
        if done.returncode:
            said = done.stderr.splitlines()
            unknown = "Please tell me who you are" in done.stderr
            hint = "git config --global user.name ...; and user.email" if unknown else ""
            raise SetupError(f"git {words[0]} failed", hint=hint, context=said)
        return done.stdout
