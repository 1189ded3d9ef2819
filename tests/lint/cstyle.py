# SPDX-License-Identifier: GPL-2.0-or-later
"""Style of our C files: ``python -m tests.lint.cstyle``; exit code 1 when a line is not as agreed.

Xen's files (xen-patches/files) as its CODING_STYLE has it: no tabs, under 80 columns, spaces inside
the parentheses of control statements, braces of blocks on their own lines. The guest drivers by the
kernel's own checkpatch.pl, when a kernel tree is in the cache. Every file: an SPDX tag first, no
white space at the end of a line.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from harness.paths import cache_dir, repo_root

XEN_COLUMNS = 80
FOLDERS = ("xen-patches", "guest-drivers", "tests/hypervisor")
KEYWORD = re.compile(r"^\s*(?:\} *)?(?:else +)?(if|for|while|switch)\b(.*)$")
OPENS_BLOCK = re.compile(r"^\s*(?:else|do|(?:(?:else +)?(?:if|for|while|switch)\b.*\)))\s*\{$")


def main() -> int:
    """Print what is wrong, one line each; returns the exit code."""
    root = repo_root()
    wrong = [problem for path in _files(root) for problem in check(path, root)]
    wrong += checkpatch(root)
    for problem in wrong:
        print(problem)
    return 1 if wrong else 0


def check(path: Path, root: Path) -> Iterator[str]:
    """What is wrong with one file."""
    name = path.relative_to(root)
    lines = path.read_text().splitlines()
    if not lines or "SPDX-License-Identifier:" not in lines[0]:
        yield f"{name}:1: no SPDX-License-Identifier"
    is_xen = name.is_relative_to("xen-patches/files") and not lines[0].startswith("//")
    for number, line in enumerate(lines, 1):
        where = f"{name}:{number}:"
        if line != line.rstrip():
            yield f"{where} white space at the end of the line"
        if is_xen:
            yield from (f"{where} {problem}" for problem in xen_problems(line))


def xen_problems(line: str) -> Iterator[str]:
    """What Xen's CODING_STYLE has against a line."""
    if "\t" in line:
        yield "tab"
    if len(line) >= XEN_COLUMNS:
        yield f"{len(line)} columns"
    match = KEYWORD.match(line)
    if match and not line.lstrip().startswith(("*", "/*")):
        keyword, rest = match.groups()
        if not re.match(r" \( ", rest):
            yield f"'{keyword} ( ' expected"
        elif rest.count("(") == rest.count(")") and re.search(r"[^ (]\)\s*[;{]?$", rest):
            yield f"' )' expected at the end of {keyword}"
    if OPENS_BLOCK.match(line):
        yield "brace belongs on its own line"


def checkpatch(root: Path) -> list[str]:
    """The kernel's own opinion of the guest drivers."""
    script = _checkpatch_script()
    sources = sorted((root / "guest-drivers/linux").rglob("*.[ch]"))
    if script is None or not sources:
        return []
    options = ["--strict", "--no-tree", "--terse", "--no-summary", "--file"]
    done = subprocess.run(
        ["perl", str(script), *options, *map(str, sources)], capture_output=True, text=True
    )
    said = [line.replace(f"{root}/", "") for line in done.stdout.splitlines() if ":" in line]
    return said if done.returncode else []


def _checkpatch_script() -> Path | None:
    found = sorted(cache_dir().glob("objects/kernel*/**/scripts/checkpatch.pl"))
    found += sorted(cache_dir().glob("work/*/scripts/checkpatch.pl"))
    return found[-1] if found else None


def _files(root: Path) -> list[Path]:
    return sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.[ch]"))


if __name__ == "__main__":
    sys.exit(main())
