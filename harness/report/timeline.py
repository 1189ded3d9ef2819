# SPDX-License-Identifier: GPL-2.0-or-later
"""events.jsonl: what Xen, dom0, guests, QMP, ssh and the harness did and said, on one clock.

A testbed has a clock of its own, which began at a calendar time that its state file notes; lines of
its consoles begin with that clock's seconds in brackets.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

Event: TypeAlias = dict[str, Any]
STAMPED = re.compile(r"^\[ *(\d+\.\d+)\] ?(.*)$")


@dataclass(frozen=True, slots=True)
class Said:
    """What one testbed has to say, on a clock of its own.

    prefix:   of its consoles' names
    offset_s: to add to its clock for that of the run
    """

    prefix: str
    offset_s: float
    events: Sequence[Event]
    consoles: Mapping[str, Path]


def merge_events(path: Path, testbeds: Sequence[Said]) -> None:
    """Take what the testbeds said during the run into its events, and sort them by time."""
    events = list(read_events(path))
    for said in testbeds:
        for event in said.events:
            rest = {key: value for key, value in event.items() if key not in ("t_s", "kind")}
            t_s = round(event["t_s"] + said.offset_s, 6)
            events.append({"t_s": t_s, "kind": event["kind"], "testbed": said.prefix} | rest)
        for name, console in said.consoles.items():
            if console.exists():
                events += console_lines(console, f"{said.prefix}.{name}", said.offset_s)
    # A testbed that was there before has had a life of its own.
    during = sorted((event for event in events if event["t_s"] >= 0), key=lambda e: float(e["t_s"]))
    temporary = path.with_name(f".{path.name}")
    temporary.write_text("".join(json.dumps(event) + "\n" for event in during), encoding="utf-8")
    os.replace(temporary, path)


def console_lines(log: Path, name: str, offset_s: float) -> list[Event]:
    """Lines of a console that are not empty, as events."""
    events: list[Event] = []
    for line in log.read_text("utf-8", "replace").splitlines():
        match = STAMPED.match(line)
        if match and match[2].strip():
            at_s = round(float(match[1]) + offset_s, 6)
            events.append({"t_s": at_s, "kind": "console", "console": name, "text": match[2]})
    return events


def read_events(path: Path) -> Iterator[Event]:
    """Events of a file in its order; a last line that was cut short is no event."""
    if not path.exists():
        return
    for line in path.read_text("utf-8", "replace").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and "t_s" in event and "kind" in event:
            yield event
