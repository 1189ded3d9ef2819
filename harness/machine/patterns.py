# SPDX-License-Identifier: GPL-2.0-or-later
"""What no console may ever say, and which error it becomes.

The table is always armed: a wait for a prompt ends at once, with the lines around, when the
machine has said one of these instead.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from harness.errors import GuestError, HarnessError, HypervisorError


class Speaker(enum.StrEnum):
    """Who is to blame for a line."""

    XEN = "xen"
    KERNEL = "kernel"


@dataclass(frozen=True, slots=True)
class BadPattern:
    """One line that means that something broke."""

    name: str
    speaker: Speaker
    regex: re.Pattern[str]
    meaning: str


def _bad(name: str, speaker: Speaker, regex: str, meaning: str) -> BadPattern:
    return BadPattern(name, speaker, re.compile(regex), meaning)


# Most specific first: the first that matches a line names the error. Wording from Xen 4.20
# (common/bug.c, arch/arm/traps.c, drivers/char/console.c) and Linux 6.12 (kernel/panic.c,
# arch/arm64/kernel/traps.c, kernel/rcu/tree_stall.h, mm/oom_kill.c).
BAD_PATTERNS: tuple[BadPattern, ...] = (
    _bad("xen-panic", Speaker.XEN, r"\(XEN\).*\bPanic on CPU \d+:", "Xen panicked"),
    _bad("xen-assertion", Speaker.XEN, r"\(XEN\).*\bAssertion '.*' failed at", "assertion in Xen"),
    _bad("xen-bug", Speaker.XEN, r"\(XEN\).*\bXen (BUG|WARN) at", "BUG or WARN in Xen"),
    _bad(
        "xen-trap",
        Speaker.XEN,
        r"\(XEN\).*(CPU\d+: Unexpected Trap|Data Abort Trap\. Syndrome|Hypervisor Trap)",
        "Xen took a trap of its own",
    ),
    _bad("xen-call-trace", Speaker.XEN, r"\(XEN\).*\bXen call trace:", "call trace of Xen"),
    _bad(
        "domain-crash",
        Speaker.XEN,
        r"\(XEN\).*(domain_crash(_sync)? called from|[Dd]omain \d+ \(vcpu#\d+\) crashed)",
        "Xen crashed a domain",
    ),
    _bad("oom", Speaker.KERNEL, r"Out of memory: Killed process|oom-kill:", "killed for memory"),
    _bad(
        "initramfs",
        Speaker.KERNEL,
        r"Initramfs unpacking failed",
        "its image does not fit in its memory",
    ),
    _bad("kernel-panic", Speaker.KERNEL, r"Kernel panic - not syncing", "the kernel panicked"),
    _bad(
        "kernel-oops",
        Speaker.KERNEL,
        r"Internal error: |Unable to handle kernel .*at virtual address"
        r"|kernel BUG at |BUG: (Bad|bad|scheduling|sleeping|KASAN|unable)",
        "the kernel oopsed",
    ),
    _bad(
        "rcu-stall",
        Speaker.KERNEL,
        r"rcu: INFO: .*(detected|self-detected) stall|rcu_\w+ kthread starved"
        r"|watchdog: BUG: soft lockup",
        "a CPU of the guest stood still",
    ),
    _bad("hung-task", Speaker.KERNEL, r"INFO: task \S+ blocked for more than", "a task hung"),
)
PATTERN_NAMES: tuple[str, ...] = tuple(pattern.name for pattern in BAD_PATTERNS)


def find_bad(line: str, *, allow: Collection[str] = ()) -> BadPattern | None:
    """The first bad pattern in a line, those named in ``allow`` left out."""
    for pattern in BAD_PATTERNS:
        if pattern.name not in allow and pattern.regex.search(line):
            return pattern
    return None


@dataclass(frozen=True, slots=True)
class BadLine:
    """A bad pattern that was seen, with the lines around it."""

    console: str
    pattern: BadPattern
    line: str
    around: tuple[str, ...]

    def error(self) -> HarnessError:
        """The typed error: HypervisorError for Xen, GuestError for a kernel."""
        kind = HypervisorError if self.pattern.speaker is Speaker.XEN else GuestError
        said = self.line.strip()
        if said.endswith(":"):  # "Panic on CPU 0:", "Xen call trace:": the news is on the next
            after = self.around[self.around.index(self.line) + 1 :]
            said += " " + after[0].removeprefix("(XEN)").strip() if after else ""
        return kind(
            f"{self.pattern.meaning}: {said}",
            where=f"console {self.console}",
            hint=f"harness console {self.console}",
            context=self.around,
        )


def scan_log(
    lines: Sequence[str], *, console: str, allow: Collection[str] = (), around: int = 12
) -> BadLine | None:
    """First bad line of a whole log; how golden logs and finished runs are checked."""
    for number, line in enumerate(lines):
        pattern = find_bad(line, allow=allow)
        if pattern is not None:
            surroundings = lines[max(0, number - around) : number + around + 1]
            return BadLine(console, pattern, line, tuple(surroundings))
    return None
