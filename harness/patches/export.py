# SPDX-License-Identifier: GPL-2.0-or-later
"""A series for the mailing list: what git would have made of the same work in Xen's tree."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.build import patches
from harness.build.worktree import pristine
from harness.errors import UsageError
from harness.patches.repository import Repository
from harness.patches.series import NewFiles, Patch, Series


def export(
    series: Series, tarball: Path, linux_files: Path, out: Path, *, kept: bool = True
) -> list[Path]:
    """Write the patches and a cover letter; returns them in order.

    tarball:     Xen's source
    linux_files: folder with the imports, by their names in Linux's tree
    out:         a folder that has no patches yet
    kept:        the author is who git says you are, else nobody

    Nothing is signed off: whoever submits does that.
    Raises UsageError, SetupError (git), HypervisorError (a patch does not apply).
    """
    if out.is_dir() and any(out.glob("*.patch")):
        raise UsageError("there are patches already", where=str(out), hint="name another folder")
    names = patches.touched([patch.path for patch in series.patches])
    with tempfile.TemporaryDirectory(prefix="series-") as temporary:
        repository = Repository(Path(temporary), kept=kept)
        repository.put(pristine(tarball, names))
        repository.commit("base")
        base = repository.head()
        for one in _in_order(series):
            if isinstance(one, Patch):
                repository.apply(one)
            else:
                repository.put(_contents(one, series, linux_files))
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
