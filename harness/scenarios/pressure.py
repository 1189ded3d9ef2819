# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest is asked how it fares for memory: once, over time, as a step of a scenario."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from harness.monitor.pressure import COMMAND, Pressure, parse_pressure, unit_of
from harness.report.run import Scalar
from harness.report.runfolder import RunFolder
from harness.scenarios import measured
from harness.scenarios.bed import Guest
from harness.scenarios.context import Context
from harness.scenarios.load import guest_run


def read_pressure(guest: Guest) -> Pressure:
    """Ask the guest."""
    return parse_pressure(guest_run(guest, COMMAND).decode(), where=guest.name)


def watch(guest: Guest, *, every_s: float, count: int | None) -> Iterator[tuple[float, Pressure]]:
    """Samples with the seconds since the first; without a count for ever."""
    began = time.monotonic()
    taken = 0
    while count is None or taken < count:
        if taken:
            time.sleep(max(0.0, began + taken * every_s - time.monotonic()))
        yield time.monotonic() - began, read_pressure(guest)
        taken += 1


def record_pressure(ctx: Context, step: measured.Pressure) -> None:
    """Every guest's numbers, ``samples`` times, as metrics."""
    for taken in range(step.samples):
        if taken:
            time.sleep(step.every_s)
        for guest in ctx.guests:
            labels: dict[str, Scalar] = {"guest": guest.name, "profile": ctx.profile}
            note_pressure(ctx.folder, read_pressure(guest).document(), labels)


def note_pressure(
    folder: RunFolder, found: Mapping[str, int], labels: Mapping[str, Scalar]
) -> None:
    """``Pressure.document()`` as metrics."""
    for name, value in found.items():
        folder.metric(f"pressure_{name}", value, unit_of(name), **labels)
