# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests on a changed copy of what they test: of the pure files here, or of Xen on QEMU."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.build import patches
from harness.build.artifacts import xen_changed
from harness.errors import HypervisorError
from harness.paths import repo_root

# What mutations change: our new files, and Xen's own as the series leaves them.
OURS, XENS = "xen-patches/files/", "xen/"
# What the tests of pure files are made of.
COPIED = ("harness", "tests", "xen-patches", "pyproject.toml")
LIMIT_S = 1200
WORDS = 120


@dataclass(frozen=True, slots=True)
class Found:
    """Tests that failed, that had errors, and all that ran.

    words: what each failure says of itself, in a line
    wrong: why there are no results
    """

    failed: set[str] = field(default_factory=set)
    errors: set[str] = field(default_factory=set)
    ran: set[str] = field(default_factory=set)
    words: tuple[str, ...] = ()
    wrong: str | None = None


def run_on_host(patch: Path, tests: Collection[str]) -> Found:
    """All tests of the files that these are of, on a changed copy of the checkout."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as temporary:
        root = Path(temporary)
        for name in COPIED:
            _copy(repo_root() / name, root / name)
        apply(patch, root)
        files = sorted({test.partition("::")[0] for test in tests})
        return _pytest(root, root / "junit.xml", "-m", "not slow", *files)


def run_on_machine(patch: Path, tests: Collection[str], *, debug: bool) -> Found:
    """These tests, on a Xen that is built with the patch in it and booted by nobody else.

    Raises HypervisorError when it does not compile.
    """
    with tempfile.TemporaryDirectory(prefix="mutation-") as temporary:
        root = Path(temporary)
        xen = xen_changed(changed(patch, root), debug=debug)
        words = (f"--xen={xen}", "--set=guests.android.enabled=false")
        return _pytest(repo_root(), root / "junit.xml", *words, *sorted(tests))


def changed(patch: Path, root: Path) -> Path:
    """A copy of xen-patches/ below ``root`` with the patch in it."""
    ours = root / "xen-patches"
    _copy(repo_root() / "xen-patches", ours)
    if all(name.startswith(OURS) for name in patches.touched([patch])):
        apply(patch, root)
    else:
        # The last of the series: it goes by the names of Xen's tree.
        shutil.copy2(patch, ours / "patches" / patch.name)
        with (ours / "patches" / "series").open("a") as series:
            series.write(f"{patch.name}\n")
    return ours


def apply(patch: Path, root: Path) -> None:
    """Change the tree at ``root``; raises HypervisorError when the patch does not apply."""
    after = patches.apply(
        [patch],
        lambda names: {n: (root / n).read_bytes() for n in names if (root / n).is_file()},
    )
    for name, content in after.items():
        if content is None:
            (root / name).unlink()
        else:
            (root / name).write_bytes(content)


def results(junit: Path) -> Found:
    """What a JUnit file of pytest says."""
    found, words = Found(), list[str]()
    for case in ET.parse(junit).iter("testcase"):
        name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
        if case.find("skipped") is None:
            found.ran.add(name)
        for kind, into in (("failure", found.failed), ("error", found.errors)):
            if (told := case.find(kind)) is not None:
                into.add(name)
                first = (told.get("message") or "").partition("\n")[0]
                words.append(f"{case.get('name')}: {kind}: {first[:WORDS]}")
    return Found(found.failed, found.errors, found.ran, tuple(words))


def _pytest(root: Path, junit: Path, *words: str) -> Found:
    argv: Sequence[str] = (
        *(sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        f"--junitxml={junit}",
        *words,
    )
    try:
        done = subprocess.run(
            argv, cwd=root, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return Found(wrong=f"not done in {LIMIT_S} s")
    if not junit.exists():
        said = f"{done.stdout[-300:]}{done.stderr[-300:]}"
        return Found(wrong=f"pytest: status {done.returncode}: {said}")
    return results(junit)


def _copy(source: Path, target: Path) -> None:
    """A file or a folder, without what running it leaves."""
    if not source.exists():
        raise HypervisorError("not a whole checkout", where=str(source))
    if source.is_dir():
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(source, target, ignore=ignored, symlinks=True)
    else:
        shutil.copy2(source, target)
