# SPDX-License-Identifier: GPL-2.0-or-later
"""A text job: a file in memory is sorted, by Debian's busybox; the host sorts the same text.

What it holds between two pieces of work is the file; the lines that it sorts come and go.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.errors import GuestError
from harness.report.run import Scalar
from harness.scenarios import content
from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass
from harness.scenarios.load import REQUEST_TIMEOUT_S, guest_run
from harness.scenarios.workloads.base import Result, Setup, stopped_on_error
from harness.scenarios.workloads.programs import parse_numbers, require_arm64, same

PROGRAM = "/usr/bin/busybox"
FILES = tuple(f"/run/text.{name}" for name in ("in", "sorted", "took", "err", "pid"))
FILE, SORTED, TOOK, SAID, PID = FILES
PAGES_PER_MIB = 256
# The rest of what it holds is lines, each with a pointer and the allocator's own, while it sorts.
SHARE_OF_FILE = 0.4
CYCLE = 1
# Pages begin with bytes that are no text.
NO_TEXT = re.compile(rb"[^\n -~]+")


def text_of(setup: Setup) -> tuple[int, bytes]:
    """So many pages of the class text, and what is text of them."""
    count = max(1, int(setup.mib * PAGES_PER_MIB * SHARE_OF_FILE))
    numbers = np.arange(count, dtype=np.uint64)
    pages = content.pages(ContentClass.TEXT, setup.seed, CYCLE, numbers, setup.corpus)
    return count, NO_TEXT.sub(b"", pages.tobytes())


def digest_of_sorted(text: bytes) -> str:
    """Of all lines in the order of their bytes, each ended."""
    lines = text.removesuffix(b"\n").split(b"\n")
    return hashlib.md5(b"".join(line + b"\n" for line in sorted(lines))).hexdigest()


class Text:
    """Debian's busybox, sort."""

    name = "text"

    def settings(self, guest: str) -> Mapping[str, Scalar]:
        return {}

    def start(self, guest: Guest, setup: Setup, *, prefix: Sequence[str] = ()) -> RunningText:
        require_arm64(guest, PROGRAM)
        pages, text = text_of(setup)
        running = RunningText(guest, text, tuple(prefix), max(1, round(setup.work)))
        words = ["memload", "emit", "--class", ContentClass.TEXT.value, "--seed", str(setup.seed)]
        words += ["--cycle", str(CYCLE), "--pages", f"0..{pages}"]
        with stopped_on_error(running):
            guest_run(
                guest,
                f"{shlex.join(words)} | tr -cd '\\n\\040-\\176' > {FILE}",
                timeout_s=REQUEST_TIMEOUT_S,
            )
        return running


@dataclass(frozen=True, slots=True)
class RunningText:
    """A file of text, to be sorted so often."""

    guest: Guest
    text: bytes
    prefix: tuple[str, ...]
    rounds: int
    name: str = Text.name

    def work(self) -> Result:
        # A pipe would hide that the first of it was killed.
        job = f"set -o pipefail; for i in $(seq {self.rounds}); do"
        job += f" LC_ALL=C {PROGRAM} sort {FILE} | md5sum || exit; done"
        words = [*self.prefix, "memload", "run", "--result", TOOK, "--", "sh", "-c", job]
        # A session of its own: all of it can be ended.
        session = ["setsid", "sh", "-c", f'echo $$ > {PID}; exec "$@"', "sh", *words]
        command = f"{shlex.join(session)} > {SORTED} 2> {SAID}; rm -f {PID}; cat {TOOK} {SORTED}"
        out = guest_run(self.guest, command, timeout_s=REQUEST_TIMEOUT_S)
        took, said = parse_numbers(out, ("status", "signal", "hz", "ticks"), where=self.name)
        if took["status"] or took["signal"]:
            why = guest_run(self.guest, f"cat {SAID}").decode(errors="replace").strip()
            raise GuestError(f"sort ended early: {why[-300:] or 'killed'}", where=self.guest.name)
        expected = "\n".join([f"{digest_of_sorted(self.text)}  -"] * self.rounds)
        found = "\n".join(said.splitlines()[-self.rounds :])
        same(found, expected, what="text, digest of all sorted lines", guest=self.guest)
        lines = self.rounds * (self.text.count(b"\n") + 1)
        return Result(lines, "lines", took["ticks"], took["hz"])

    def verify(self) -> int:
        found = guest_run(self.guest, f"md5sum < {FILE}", timeout_s=REQUEST_TIMEOUT_S).decode()
        expected = hashlib.md5(self.text).hexdigest()
        same(found.split()[0], expected, what="text, digest of the file", guest=self.guest)
        return -(-len(self.text) // 4096)

    def stop(self) -> None:
        words = f"test ! -f {PID} || kill -9 -- -$(cat {PID}) 2> /dev/null;"
        guest_run(self.guest, f"{words} rm -f {' '.join(FILES)}")
