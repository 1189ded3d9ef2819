# SPDX-License-Identifier: GPL-2.0-or-later
"""A git repository that has only the files of Xen that a series touches."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import HypervisorError, SetupError
from harness.patches.series import Patch

BRANCH = "series"
# Of what nobody keeps: a machine that only checks need not know who its user is.
NOBODY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "harness"), ("EMAIL", "harness@localhost"))
}


class Repository:
    """One in an empty folder; every method raises SetupError when git fails.

    kept: somebody will read what is committed, so git has to know who you are
    """

    def __init__(self, folder: Path, *, kept: bool) -> None:
        self._folder = folder
        self._identity = {} if kept else NOBODY
        self._git("init", "--quiet", f"--initial-branch={BRANCH}")

    def put(self, files: Mapping[str, bytes]) -> None:
        """Write files, by their names in the tree."""
        for name, content in files.items():
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def read(self, names: Sequence[str]) -> dict[str, bytes | None]:
        """Contents of files as they are now; None for one that is not there."""
        paths = {name: self._folder / name for name in names}
        return {n: path.read_bytes() if path.is_file() else None for n, path in paths.items()}

    def apply(self, patch: Patch) -> None:
        """Commit one of ours. Raises HypervisorError when it does not apply."""
        try:
            self._git("apply", "--index", "--whitespace=nowarn", str(patch.path.resolve()))
        except SetupError as error:
            raise HypervisorError(
                f"patch {patch.name} does not apply", where=str(patch.path), context=error.context
            ) from error
        self.commit(f"{patch.subject}\n\n{patch.body}")

    def commit(self, message: str) -> None:
        """Commit all that is there."""
        self._git("add", "--all")
        self._git("commit", "--quiet", "--no-verify", "--no-gpg-sign", f"--message={message}")

    def am(self, mail: Path) -> list[str]:
        """Apply a mail as who receives it would; names of the files that it changes.

        Raises HypervisorError when git does not take it.
        """
        try:
            self._git("am", "--quiet", "--keep-cr", "--no-3way", "--no-gpg-sign", str(mail))
        except SetupError as error:
            raise HypervisorError(
                f"git am does not take {mail.name}", where=str(mail), context=error.context
            ) from error
        return self._git("diff", "--name-only", "-z", "HEAD~1", "HEAD").rstrip("\0").split("\0")

    def subject(self) -> str:
        """Of the last commit."""
        return self._git("log", "-1", "--format=%s").strip()

    def head(self) -> str:
        """Name of the last commit."""
        return self._git("rev-parse", "HEAD").strip()

    def describe(self, text: str) -> None:
        """What the cover letter says."""
        self._git("config", f"branch.{BRANCH}.description", text)

    def format(self, base: str, out: Path) -> list[Path]:
        """Write what was committed since ``base`` as mails; their paths, the cover letter first."""
        out.mkdir(parents=True, exist_ok=True)
        options = ["--cover-letter", "--cover-from-description=subject", "--no-signoff"]
        done = self._git("format-patch", *options, "-o", str(out.resolve()), f"{base}..{BRANCH}")
        return [Path(line) for line in done.splitlines()]

    def _git(self, *words: str) -> str:
        # Who commits is of interest, other habits of this user are not.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_DIR")}
        kept |= self._identity
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
