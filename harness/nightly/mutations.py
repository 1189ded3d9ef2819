# SPDX-License-Identifier: GPL-2.0-or-later
"""``python -m harness.nightly.mutations``: is every broken rule noticed, by the test that should?

See tests/mutations/README.md for what a mutation looks like.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from harness.build import patches
from harness.errors import HarnessError, HypervisorError
from harness.nightly import mutated
from harness.paths import repo_root

_RED = re.compile(r"^Red: *(\S.*?) *$", re.MULTILINE)
_BREAKS = re.compile(r"^Breaks: *(\S.*)$", re.MULTILINE)
_XEN = re.compile(r"^Xen: *(\S+) *$", re.MULTILINE)
MACHINE = "tests/integration/"


class Xen(StrEnum):
    """Which Xen is built with the mutation in it."""

    RELEASE = "release"
    DEBUG = "debug"


@dataclass(frozen=True, slots=True)
class Mutation:
    """A patch, what it breaks, and the tests that must fail with it.

    xen: what these tests run on; None if they need none
    """

    path: Path
    breaks: str
    red: frozenset[str]
    xen: Xen | None = None


def read(path: Path) -> Mutation:
    """Raises HypervisorError when its header does not say what it must."""
    header = path.read_text().partition("\n--- ")[0]
    breaks, red = _BREAKS.search(header), frozenset(_RED.findall(header))
    if not breaks or not red:
        raise HypervisorError(f"{path.name} needs Breaks: and Red:", where=str(path))
    if said := _XEN.search(header):
        if said[1] not in set(Xen):
            raise HypervisorError(f"{path.name}: no such Xen: {said[1]}", where=str(path))
        wrong = sorted(test for test in red if not test.startswith(MACHINE))
    else:
        wrong = sorted(test for test in red if test.startswith(MACHINE))
    if wrong:
        raise HypervisorError(f"{path.name}: Xen: does not go with {wrong[0]}", where=str(path))
    allowed = (mutated.OURS, mutated.XENS) if said else (mutated.OURS,)
    outside = sorted(n for n in patches.touched([path]) if not n.startswith(allowed))
    if outside:
        raise HypervisorError(f"{path.name} changes {outside[0]}", where=str(path))
    return Mutation(path, breaks.group(1), red, Xen(said[1]) if said else None)


def problem(mutation: Mutation, failed: set[str], errors: set[str], ran: set[str]) -> str | None:
    """Why the tests' results are not what the mutation names; None if they are."""
    if missing := sorted(mutation.red - ran):
        return f"no such test: {missing[0]}"
    # A Xen that died in a test is not there to clean up after it.
    if mutation.xen:
        errors = errors - failed
    if errors:
        return f"error, not failure: {min(errors)}"
    if unnoticed := sorted(mutation.red - failed):
        return f"not noticed by {unnoticed[0]}"
    if others := sorted(failed - mutation.red):
        return f"{others[0]} fails, too"
    return None


def run(mutation: Mutation) -> str | None:
    """Run what it names with it; what is wrong, or None."""
    if mutation.xen is None:
        found = mutated.run_on_host(mutation.path, mutation.red)
    else:
        debug = mutation.xen is Xen.DEBUG
        found = mutated.run_on_machine(mutation.path, mutation.red, debug=debug)
    for line in found.words:
        print(f"    {line}")
    return found.wrong or problem(mutation, found.failed, found.errors, found.ran)


def main(words: Sequence[str]) -> int:
    """All mutations, or those whose names begin with a word given; 1 if one is not as it says."""
    folder = repo_root() / "tests" / "mutations"
    paths = [p for p in sorted(folder.glob("*.patch")) if not words or p.name.startswith((*words,))]
    if not paths:
        print("no such mutation", file=sys.stderr)
        return 2
    bad = 0
    for path in paths:
        begun = time.monotonic()
        try:
            wrong = run(read(path))
        except HarnessError as error:
            wrong = str(error)
        bad += wrong is not None
        took = time.monotonic() - begun
        print(f"{path.name}: {wrong or 'noticed'} ({took:.0f} s)", flush=True)
    print(f"{len(paths)} mutations, {bad} not as they say")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
