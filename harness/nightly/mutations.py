# SPDX-License-Identifier: GPL-2.0-or-later
"""``python -m harness.nightly.mutations``: is every broken rule noticed, by the test that should?

See tests/mutations/README.md for what a mutation looks like.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.build import patches
from harness.errors import HarnessError, HypervisorError
from harness.paths import repo_root

# What the tests of pure files are made of.
COPIED = ("harness", "tests", "xen-patches", "pyproject.toml")
# Mutations change what Xen is built from, never what looks at it.
CHANGED = "xen-patches/files/"
LIMIT_S = 1200
_RED = re.compile(r"^Red: *(\S+) *$", re.MULTILINE)
_BREAKS = re.compile(r"^Breaks: *(\S.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mutation:
    """A patch, what it breaks, and the tests that must fail with it."""

    path: Path
    breaks: str
    red: frozenset[str]


def read(path: Path) -> Mutation:
    """Raises HypervisorError when its header does not say what it must."""
    header = path.read_text().partition("\n--- ")[0]
    breaks, red = _BREAKS.search(header), frozenset(_RED.findall(header))
    if not breaks or not red:
        raise HypervisorError(f"{path.name} needs Breaks: and Red:", where=str(path))
    outside = sorted(n for n in patches.touched([path]) if not n.startswith(CHANGED))
    if outside:
        raise HypervisorError(f"{path.name} changes {outside[0]}", where=str(path))
    return Mutation(path, breaks.group(1), red)


def apply(mutation: Mutation, root: Path) -> None:
    """Change the tree at ``root``; raises HypervisorError when the patch does not apply."""
    after = patches.apply(
        [mutation.path],
        lambda names: {n: (root / n).read_bytes() for n in names if (root / n).is_file()},
    )
    for name, content in after.items():
        if content is None:
            (root / name).unlink()
        else:
            (root / name).write_bytes(content)


def problem(mutation: Mutation, failed: set[str], errors: set[str], ran: set[str]) -> str | None:
    """Why the tests' results are not what the mutation names; None if they are."""
    if missing := sorted(mutation.red - ran):
        return f"no such test: {missing[0]}"
    if errors:
        return f"error, not failure: {min(errors)}"
    if unnoticed := sorted(mutation.red - failed):
        return f"not noticed by {unnoticed[0]}"
    if others := sorted(failed - mutation.red):
        return f"{others[0]} fails, too"
    return None


def results(junit: Path) -> tuple[set[str], set[str], set[str]]:
    """Tests that failed, that had errors, and all that ran."""
    failed, errors, ran = set[str](), set[str](), set[str]()
    for case in ET.parse(junit).iter("testcase"):
        name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
        if case.find("skipped") is None:
            ran.add(name)
        if case.find("failure") is not None:
            failed.add(name)
        if case.find("error") is not None:
            errors.add(name)
    return failed, errors, ran


def copy(source: Path, target: Path) -> None:
    """What COPIED names, without what running it leaves."""
    for name in COPIED:
        if (source / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(source / name, target / name, ignore=ignored, symlinks=True)
        else:
            shutil.copy2(source / name, target / name)


def run(mutation: Mutation) -> str | None:
    """Run all tests of the files that it names, on a changed copy; what is wrong, or None."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as temporary:
        root = Path(temporary)
        copy(repo_root(), root)
        apply(mutation, root)
        files = sorted({test.partition("::")[0] for test in mutation.red})
        junit = root / "junit.xml"
        argv = [sys.executable, "-B", "-m", "pytest", "-q", "-m", "not slow", "-p"]
        argv += ["no:cacheprovider", f"--junitxml={junit}", *files]
        try:
            done = subprocess.run(
                argv, cwd=root, capture_output=True, text=True, timeout=LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired:
            return f"not done in {LIMIT_S} s"
        if not junit.exists():
            return f"pytest: status {done.returncode}: {done.stdout[-300:]}{done.stderr[-300:]}"
        return problem(mutation, *results(junit))


def main(words: Sequence[str]) -> int:
    """All mutations, or those whose names begin with a word given; 1 if one is not as it says."""
    folder = repo_root() / "tests" / "mutations"
    paths = [p for p in sorted(folder.glob("*.patch")) if not words or p.name.startswith((*words,))]
    if not paths:
        print("no such mutation", file=sys.stderr)
        return 2
    bad = 0
    for path in paths:
        try:
            wrong = run(read(path))
        except HarnessError as error:
            wrong = str(error)
        bad += wrong is not None
        print(f"{path.name}: {wrong or 'noticed'}", flush=True)
    print(f"{len(paths)} mutations, {bad} not as they say")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
