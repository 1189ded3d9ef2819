# SPDX-License-Identifier: GPL-2.0-or-later
"""``python -m harness.lint [CHECK...]``: all checks or some; exit code 1 when one fails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from harness.errors import HarnessError, UsageError
from harness.lint import checkpatch, licence, xen_style
from harness.lint.files import shell_scripts, tracked
from harness.paths import repo_root
from harness.progress import step

Problems = list[str]
# "ash is checked as dash": known, and what is wanted.
BUSYBOX = "SC2187"


def python() -> Problems:
    """ruff, its formatting, mypy --strict."""
    return [
        *_tool("-m", "ruff", "check", "--quiet", "--output-format=concise", "."),
        *_tool("-m", "ruff", "format", "--check", "--output-format=concise", "."),
        *_tool("-m", "mypy", "--strict", "--no-error-summary", "harness", "tests"),
    ]


def shell() -> Problems:
    """shellcheck on every script."""
    scripts = shell_scripts()
    options = ["--format=gcc", "--external-sources", f"--exclude={BUSYBOX}"]
    return _output(["shellcheck", *options, *map(str, scripts)]) if scripts else []


def xen() -> Problems:
    """Xen's style in the files that go into Xen's tree, and dom0's tool."""
    return _by_line(xen_style.problems, tracked("xen-patches/*.c", "xen-patches/*.h"))


def linux() -> Problems:
    """checkpatch.pl --strict on the guest's driver and on programs for guests."""
    files = tracked("guest-drivers/*.c", "guest-drivers/*.h")
    programs = [path for path in files if path.parent.name in ("memcompressd", "tools")]
    drivers = [path for path in files if path not in programs]
    found = checkpatch.problems(drivers)
    return found + checkpatch.problems(programs, ignored=checkpatch.PROGRAMS)


def licences() -> Problems:
    """An SPDX tag in each file, the one of its folder."""
    return _by_line(licence.problems, tracked())


CHECKS: dict[str, Callable[[], Problems]] = {
    check.__name__: check for check in (python, shell, xen, linux, licences)
}


def main(names: Sequence[str]) -> int:
    """Run the checks; print what each found, and return the exit code."""
    unknown = sorted(set(names) - CHECKS.keys())
    if unknown:
        raise UsageError(f"no check {unknown[0]!r}", where="lint", hint=", ".join(CHECKS))
    failed = []
    for name in names or CHECKS:
        with step(f"lint: {name}"):
            problems = CHECKS[name]()
        if problems:
            failed.append(name)
            print("\n".join(problems))
            print(f"lint: {name}: {len(problems)} problems")
    if failed:
        print(f"lint: {', '.join(failed)} failed; again: python -m harness.lint {failed[0]}")
    return 1 if failed else 0


def _by_line(check: Callable[[Path], Iterator[tuple[int, str]]], files: Sequence[Path]) -> Problems:
    root = repo_root()
    return [
        f"{path.relative_to(root)}:{line}: {problem}"
        for path in files
        for line, problem in check(path)
    ]


def _tool(*words: str) -> Problems:
    return _output([sys.executable, *words])


def _output(command: Sequence[str]) -> Problems:
    """What a tool prints when it is not content; nothing when it is."""
    try:
        done = subprocess.run(
            command,
            cwd=repo_root(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return [f"no {command[0]} here: harness doctor"]
    if not done.returncode:
        return []
    return done.stdout.splitlines() or [f"{command[0]} failed with status {done.returncode}"]


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
