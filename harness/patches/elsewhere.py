# SPDX-License-Identifier: GPL-2.0-or-later
"""Another Xen than the pinned one: whether the series applies and compiles there.

It is a folder, or a version that Debian has. Nothing of it gets into a build.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.build.patches import touched
from harness.build.worktree import pristine
from harness.build.xen import XenSource, new_files, patches_dir
from harness.errors import HypervisorError, SetupError, UsageError
from harness.patches.compiled import Task, compile_one
from harness.patches.fit import Fit, How, fit
from harness.patches.kinds import Kind
from harness.patches.series import Series
from harness.patches.steps import hash_of
from harness.progress import step, warn
from harness.sources import SUITE, digest_of, fetch_pool, sha256_of
from harness.sources.apt import SourceEntry, source_entries
from harness.sources.apt import newest as newest_of
from harness.sources.mirror import NotThere

PACKAGE = "xen"
NEWEST = "newest"
# Where Debian's newest are: what is released with its updates, and what is on its way.
SUITES = (SUITE, "sid")
MAKEFILE = "xen/Makefile"


@dataclass(frozen=True, slots=True)
class Other:
    """Another Xen."""

    name: str
    tarball: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class Report:
    """What came of the series there."""

    xen: str
    patches: tuple[Fit, ...]
    taken: tuple[str, ...]
    """New files of ours whose names it has itself."""
    compiled: Mapping[str, str] = field(default_factory=dict)
    """By kind: "compiles", "not tried", or the compiler's first error."""

    @property
    def good(self) -> bool:
        """Whether all of it applies, somehow, and compiles."""
        applied = all(one.how != How.FAILS for one in self.patches) and not self.taken
        return applied and all(said == "compiles" for said in self.compiled.values())


@contextmanager
def other(where: str, *, offline: bool) -> Iterator[Other]:
    """The Xen of that folder, or the newest of Debian whose version begins so.

    where: a folder (with a / in its name, or one that is there), a version, or "newest"
    Raises UsageError, SetupError, TransientError.
    """
    folder = Path(where)
    if "/" in where or folder.is_dir():
        with tempfile.TemporaryDirectory(prefix="xen-") as temporary:
            tarball = Path(temporary) / "xen.tar"
            pack(folder, tarball)
            yield Other(f"{folder.resolve()} ({version_of(tarball)})", tarball, sha256_of(tarball))
        return
    if where != NEWEST and not re.match(r"\d+\.\d+", where):
        raise UsageError(
            f"no such Xen: {where}",
            where="--xen",
            hint=f"a folder, a version such as 4.20, or {NEWEST}",
        )
    if offline:
        raise SetupError(
            "which versions there are says Debian's index, and --offline forbids to ask it",
            where=f"--xen {where}",
            hint="without --offline, or name a folder",
        )
    with step("patches: Debian's index") as progress:
        found = _fetch_newest("" if where == NEWEST else where)
        progress.note(f"{PACKAGE} {found.name}")
    yield found


def look(series: Series, source: XenSource, xen: Other, kinds: list[Kind]) -> Report:
    """Apply the series to it, patch by patch, and compile it for these kinds if all apply."""
    names = touched([patch.path for patch in series.patches])
    ours = new_files(source, patches_dir())
    with step(f"patches: apply to Xen {xen.name}"):
        xens = pristine(xen.tarball, names | ours.keys())
        fits, changed = fit(series.patches, xens)
    taken = tuple(sorted(ours.keys() & xens.keys()))
    if taken or any(one.how == How.FAILS for one in fits):
        return Report(xen.name, tuple(fits), taken, {kind.name: "not tried" for kind in kinds})
    files = {**ours, **changed}
    key = digest_of({name: hash_of(content) for name, content in files.items()})
    compiled = {}
    for kind in kinds:
        kind.require()
        label = f"the series on Xen {xen.name}"
        task = Task(label, kind, xen.tarball, xen.sha256, files, key, place="elsewhere")
        try:
            compile_one(task)
            compiled[kind.name] = "compiles"
        except HypervisorError as error:
            compiled[kind.name] = f"{error.message} ({error.where})"
    return Report(xen.name, tuple(fits), taken, compiled)


def pack(folder: Path, tarball: Path) -> None:
    """Pack a folder's Xen: what git knows of it as it is now, else all that is there.

    Raises UsageError when there is no Xen, SetupError.
    """
    if not (folder / MAKEFILE).is_file():
        raise UsageError(
            "no Xen there", where=str(folder / MAKEFILE), hint="the top of a tree of Xen"
        )
    git = ["git", "-C", str(folder), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(git, capture_output=True, check=False)
    names = listed.stdout if not listed.returncode else b""
    there = b"\0".join(n for n in names.split(b"\0") if n and (folder / n.decode()).exists())
    what = ["--null", "--files-from=-"] if there else ["."]
    # The same content is the same tarball: what was compiled before is known by its hash.
    same = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"]
    words = ["tar", "-C", str(folder), *same, "--exclude=.git", r"--transform=s,^\(\./\)\?,xen/,"]
    done = subprocess.run([*words, "-cf", str(tarball), *what], input=there, capture_output=True)
    if done.returncode:
        raise SetupError(
            "cannot be packed", where=str(folder), context=done.stderr.decode().splitlines()
        )


def version_of(tarball: Path) -> str:
    """What its Makefile says."""
    text = pristine(tarball, {MAKEFILE}).get(MAKEFILE, b"").decode("utf-8", "replace")
    value = {
        key: found[1]
        if (found := re.search(rf"(?m)^export {key}\s*[:?]?=\s*([^\s$]*)", text))
        else ""
        for key in ("XEN_VERSION", "XEN_SUBVERSION", "XEN_EXTRAVERSION")
    }
    return f"{value['XEN_VERSION']}.{value['XEN_SUBVERSION']}{value['XEN_EXTRAVERSION']}"


def _fetch_newest(version: str) -> Other:
    """The newest that the mirror has; an index may be ahead of its pool."""
    entries = _entries(version)
    missing = []
    while entries:
        entry = newest_of(entries)
        entries = [one for one in entries if one.version != entry.version]
        orig = entry.orig
        try:
            path = fetch_pool(orig.pool, orig.sha256, orig.size)
        except NotThere as gone:
            missing.append(f"{entry.version}: {gone.where}")
            continue
        if missing:
            warn(f"of newer versions the mirror has only the names: {', '.join(missing)}")
        return Other(entry.version, path, orig.sha256)
    raise SetupError(
        f"Debian's index names Xen {version or NEWEST}, and the mirror does not have its source",
        where=missing[0],
        context=missing[1:],
        hint="another mirror with XMC_DEBIAN_MIRROR, later, or --xen FOLDER",
    )


def _entries(version: str) -> list[SourceEntry]:
    """Of Debian's, those whose version begins so; one at least. Raises SetupError."""
    found = [entry for suite in SUITES for entry in source_entries(suite, PACKAGE)]
    fitting = [
        e for e in found if not version or re.match(rf"{re.escape(version)}(\D|$)", e.version)
    ]
    if not fitting:
        have = ", ".join(sorted({entry.version for entry in found})) or "none"
        raise SetupError(f"Debian has no Xen {version}; it has: {have}", where=" ".join(SUITES))
    return fitting
