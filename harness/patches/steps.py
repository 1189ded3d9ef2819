# SPDX-License-Identifier: GPL-2.0-or-later
"""The series as who receives it has it: what ``git am`` makes of Xen's tree, mail by mail."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.build import patches
from harness.build.patches import read_series
from harness.build.worktree import changed_files, pristine
from harness.build.xen import OPTION, XenSource, new_files, patches_dir
from harness.errors import HypervisorError
from harness.patches.export import export
from harness.patches.repository import Repository
from harness.patches.series import Series

KCONFIG = "xen/common/Kconfig"
COVER_LETTER = "0000-"
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Step:
    """A mail of the series, and the tree after it."""

    number: int
    """From 1, as in its subject."""
    subject: str
    changed: Mapping[str, tuple[str, str]]
    """What it does: by name of a file its hash before and after, empty for none."""
    files: Mapping[str, bytes | None]
    """All that the series has changed of Xen's tree so far, by name; None for one that is gone."""
    new: frozenset[str] = frozenset()
    """Those of ``files`` that Xen does not have."""

    @property
    def has_option(self) -> bool:
        """Whether the controller can be configured already."""
        name = OPTION.removeprefix("CONFIG_").encode()
        return bool(re.search(rb"^config %s$" % name, self.files.get(KCONFIG) or b"", re.MULTILINE))


def replay(series: Series, source: XenSource) -> list[Step]:
    """Export the series, and have git apply it mail by mail to the pristine source.

    Raises HypervisorError naming the mail that git does not take, SetupError.
    """
    names = patches.touched([patch.path for patch in series.patches])
    with tempfile.TemporaryDirectory(prefix="series-") as temporary:
        linux = source.linux_files.path
        mails = export(series, source.tarball, linux, Path(temporary) / "mails", kept=False)
        (Path(temporary) / "tree").mkdir()
        repository = Repository(Path(temporary) / "tree", kept=False)
        xens = pristine(source.tarball, names)
        repository.put(xens)
        repository.commit("Xen")
        files: dict[str, bytes | None] = {}
        steps: list[Step] = []
        for mail in mails:
            if mail.name.startswith(COVER_LETTER):
                continue
            changed = sorted(repository.am(mail))
            after = repository.read(changed)
            before = {**xens, **files}
            files |= after
            pairs = {name: (hash_of(before.get(name)), hash_of(after[name])) for name in changed}
            new = frozenset(files.keys() - xens.keys())
            steps.append(Step(len(steps) + 1, repository.subject(), pairs, dict(files), new))
        return steps


def require_same(steps: list[Step], source: XenSource) -> None:
    """Raise HypervisorError when the series makes another tree than a build does."""
    series = read_series(patches_dir() / "patches")
    built = changed_files(source.tarball, new_files(source, patches_dir()), series)
    mailed = dict(steps[-1].files) if steps else {}
    wrong = [
        f"{name}: only in the {'build' if name in built else 'series'}"
        if (name in built) != (name in mailed)
        else f"{name}: another content"
        for name in sorted(built.keys() | mailed.keys())
        if built.get(name, b"?") != mailed.get(name, b"!")
    ]
    if wrong:
        raise HypervisorError(
            f"the exported series makes another tree than the build: {len(wrong)} files differ",
            where=wrong[0],
            context=wrong[1:SHOWN],
            hint="what is in files/ but in no mail, or changed twice? harness patches export",
        )


def hash_of(content: bytes | None) -> str:
    """sha256, empty for a file that is not there."""
    return "" if content is None else hashlib.sha256(content).hexdigest()
