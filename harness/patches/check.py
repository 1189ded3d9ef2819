# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether xen-patches/ is in order: what a reviewer should not have to say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.build import patches
from harness.build.worktree import pristine
from harness.errors import HypervisorError
from harness.patches.series import Series

# One logical change: what is longer is usually two.
LONG_LINES = 150
SIGNED = re.compile(r"^Signed-off-by:", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at, and what a reader may want to know of it."""

    patches: int
    files: int
    imports: int
    changed_lines: int
    """By the patches, in Xen's own files."""
    remarks: tuple[str, ...]


def check(series: Series, tarball: Path) -> Report:
    """Apply the series to the pinned source, and look at all of it.

    tarball: Xen's source

    Raises HypervisorError with every problem, or naming the patch that does not apply.
    """
    ours = {name: path.read_bytes() for name, path in series.files.items()}
    paths = [patch.path for patch in series.patches]
    xens = pristine(tarball, patches.touched(paths) | ours.keys() | series.imports.keys())
    found = [*_of_patches(series), *_of_files(series, set(xens)), *_of_groups(series)]
    if found:
        raise HypervisorError(
            f"{len(found)} problems in xen-patches", where=found[0], context=found[1:]
        )
    patches.apply(paths, lambda names: {name: xens[name] for name in names & xens.keys()})
    remarks = tuple(
        f"{patch.name} changes {patch.changed_lines} lines, more than {LONG_LINES}"
        for patch in series.patches
        if patch.changed_lines > LONG_LINES
    )
    changed = sum(patch.changed_lines for patch in series.patches)
    return Report(len(paths), len(ours), len(series.imports), changed, remarks)


def _of_patches(series: Series) -> Iterator[str]:
    folder = {patch.path.parent for patch in series.patches}
    listed = {patch.name for patch in series.patches}
    for path in sorted(path for parent in folder for path in parent.glob("*.patch")):
        if path.name not in listed:
            yield f"{path.name} is not listed in series"
    for patch in series.patches:
        if not patch.subject:
            yield f"{patch.name} has no Subject"
        if not patch.body:
            yield f"{patch.name} does not say why"
        if SIGNED.search(patch.path.read_text("utf-8", "replace")):
            yield f"{patch.name} is signed off: whoever submits it does that"
        for name in sorted(patches.touched([patch.path])):
            if name in series.files or name in series.imports:
                yield f"{patch.name} changes {name}, which is ours: change it where it is"


def _of_files(series: Series, xens: set[str]) -> Iterator[str]:
    for name in sorted(series.files):
        if name in series.imports:
            yield f"files/{name} is imported, too"
        if name in xens:
            yield f"files/{name} is Xen's own: change it with a patch"
    for name in sorted(series.imports.keys() & xens):
        yield f"import {name} is Xen's own"


def _of_groups(series: Series) -> Iterator[str]:
    known = {patch.name for patch in series.patches}
    for group in series.groups:
        if group.before not in known:
            yield f"export.toml: {group.subject}: no patch {group.before}"
    for name in sorted([*series.files, *series.imports]):
        groups = [group.subject for group in series.groups if group.has(name)]
        if len(groups) != 1:
            where = " and ".join(map(repr, groups)) or "no mail"
            yield f"export.toml: {name} is in {where}"
