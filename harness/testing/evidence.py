# SPDX-License-Identifier: GPL-2.0-or-later
"""What is attached to the report of a failed test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.errors import HarnessError
from harness.hypervisor.memcompress import TOOL
from harness.report.timeline import read_events
from harness.testbed import Testbed

LINES = 40
# A testbed that has just failed a test may not answer; its consoles have to do then.
ASK_S = 10.0

Section = tuple[str, str]


def of_testbed(testbed: Testbed) -> Iterator[Section]:
    """Ends of its consoles, its controller's numbers, and what QEMU said."""
    folder = testbed.folder
    for name, log in testbed.consoles().items():
        yield f"{testbed.name}: console {name}", tail(log)
    yield f"{testbed.name}: events", events(folder.events)
    yield f"{testbed.name}: QEMU", tail(folder.path / "qemu.log")
    if testbed.record.failure is None:
        try:
            said = testbed.dom0.run([TOOL, "list", "--json"], timeout_s=ASK_S)
            yield f"{testbed.name}: {TOOL} list", said.text
            testbed.xl.tell_all()  # in the whole log, not in what is above
        except HarnessError as error:
            yield f"{testbed.name}: {TOOL} list", f"no answer: {error}"


def of_logs(folder: Path) -> Iterator[Section]:
    """The ends of everything that is left of a testbed that did not come up."""
    for log in sorted(folder.glob("*.log")):
        if log.stat().st_size:
            yield f"{folder.name}: {log.name}", tail(log)
    yield f"{folder.name}: events", events(folder / "events.jsonl")


def tail(log: Path) -> str:
    """Last lines of a log, and where all of it is."""
    lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
    return "\n".join([*lines[-LINES:], f"({len(lines)} lines in {log})"])


def events(log: Path) -> str:
    """State changes and QMP events, a line each."""
    found = [
        f"{event['t_s']:10.3f} {event['kind']} "
        + " ".join(f"{k}={v}" for k, v in event.items() if k not in ("t_s", "kind"))
        for event in read_events(log)
    ]
    return "\n".join(found[-LINES:])
