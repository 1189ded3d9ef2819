# SPDX-License-Identifier: GPL-2.0-or-later
"""Bad patterns, against console logs of real crashes."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import GuestError, HarnessError, HypervisorError
from harness.machine.patterns import BAD_PATTERNS, PATTERN_NAMES, find_bad, scan_log

GOLDEN = Path(__file__).parent / "golden" / "consoles"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("(XEN) Panic on CPU 0:", "xen-panic"),
        ("(XEN) d1v0 Assertion 'x < y' failed at common/foo.c:12", "xen-assertion"),
        ("(XEN) Xen BUG at arch/arm/mmu/p2m.c:100", "xen-bug"),
        ("(XEN) Xen WARN at common/mem_compress/store.c:7", "xen-bug"),
        ("(XEN) CPU1: Unexpected Trap: Data Abort", "xen-trap"),
        ("(XEN) Xen call trace:", "xen-call-trace"),
        ("(XEN) domain_crash called from arch/arm/traps.c:2089", "domain-crash"),
        ("(XEN) Domain 3 (vcpu#0) crashed on cpu#1:", "domain-crash"),
        ("[    4.2] Kernel panic - not syncing: Attempted to kill init!", "kernel-panic"),
        ("[    4.2] Internal error: Oops: 0000000096000004 [#1] SMP", "kernel-oops"),
        ("Unable to handle kernel NULL pointer dereference at virtual address 8", "kernel-oops"),
        ("[ 1.0] kernel BUG at mm/slub.c:4!", "kernel-oops"),
        ("[ 60.0] rcu: INFO: rcu_sched detected stalls on CPUs/tasks:", "rcu-stall"),
        ("[ 60.0] rcu: INFO: rcu_preempt self-detected stall on CPU", "rcu-stall"),
        ("[ 60.0] watchdog: BUG: soft lockup - CPU#0 stuck for 22s!", "rcu-stall"),
        ("[ 9.0] Out of memory: Killed process 77 (memload) total-vm:1kB", "oom"),
        ("[ 0.6] Initramfs unpacking failed: write error", "initramfs"),
        ("[ 130.0] INFO: task init:1 blocked for more than 120 seconds.", "hung-task"),
    ],
)
def test_a_bad_line_is_recognised(line: str, name: str) -> None:
    found = find_bad(line)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "line",
    [
        "(XEN) Guests without CPU erratum workarounds can deadlock the system!",
        "(XEN) Brought up 2 CPUs",
        "[    0.0] Kernel command line: console=hvc0 panic=-1 oops=panic",
        "[    0.1] rcu: Hierarchical RCU implementation.",
        "login: Out of memory is what we want to avoid",
        "(XEN) d1v0 Unhandled SMC/HVC: 0x84000050",
    ],
)
def test_an_ordinary_line_is_not_bad(line: str) -> None:
    assert find_bad(line) is None


def test_names_are_distinct_and_an_allowed_one_is_let_through() -> None:
    assert len(set(PATTERN_NAMES)) == len(BAD_PATTERNS)
    assert find_bad("Out of memory: Killed process 7 (x)", allow={"oom"}) is None


@pytest.mark.parametrize(
    ("log", "kind", "words"),
    [
        ("xen-panic", HypervisorError, "Could not set up DOM0 guest OS (rc = -22)"),
        ("guest-panic", GuestError, "Kernel panic - not syncing"),
    ],
)
def test_a_crash_becomes_a_typed_error_with_the_lines_around(
    log: str, kind: type[HarnessError], words: str
) -> None:
    lines = (GOLDEN / f"{log}.log").read_text().splitlines()
    bad = scan_log(lines, console="xen")
    assert bad is not None
    error = bad.error()
    assert type(error) is kind
    assert words in error.message
    assert len(error.context) > 5
    assert bad.line in error.context


def test_a_good_boot_has_no_bad_line() -> None:
    lines = (GOLDEN / "boot-xen.log").read_text().splitlines()
    assert scan_log(lines, console="xen") is None
