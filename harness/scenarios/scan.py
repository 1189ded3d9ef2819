# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages that are looked at to compress one: those of a process, or all there are.

The paper's claim is that it pays to walk the tables of the process that asks. Here two programs
hold memory, and the rest of the guest is compressed already; one program keeps using its pages and
the other's are to be taken. Once its tables are walked; once all of the guest's memory is gone
through for pages of its age. Both times the same pages are there to be found.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import ScenarioFailed
from harness.scenarios import measured
from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass
from harness.scenarios.context import Context
from harness.scenarios.load import Load, outlast_back_off


@dataclass(frozen=True, slots=True)
class Looked:
    """How many pages were looked at, and how many of them compressed."""

    scanned: int
    compressed: int

    @property
    def per_page(self) -> float:
        return self.scanned / self.compressed


def compare_scans(ctx: Context, step: measured.Scan) -> None:
    """Record scan_vs_whole, and what it is made of.

    Raises ScenarioFailed when a scan took less than half of the idle program's pages.
    """
    for guest in ctx.guests:
        busy, idle = (_load(ctx, guest, name, step.pages) for name in ("busy", "idle"))
        outlast_back_off(guest)
        guest.controller.compress()
        labels = {"guest": guest.name, "profile": ctx.profile}
        found: dict[str, Looked] = {}
        for scan in ("process", "whole"):
            idle.fill(ctx.next_cycle())
            _age(guest, busy)
            before = guest.controller.stats()
            if scan == "process":
                idle.compress()
            else:
                guest.controller.compress(min_age=2)
            after = guest.controller.stats()
            # Xen goes through gfns that are no memory, too: not held against that scan.
            scanned = min(after.scanned - before.scanned, after.nominal)
            looked = Looked(scanned, after.committed - before.committed)
            if looked.compressed < step.pages // 2:
                raise ScenarioFailed(
                    f"the {scan} scan took {looked.compressed} of {step.pages} idle pages",
                    where=f"{guest.name}, profile {ctx.profile}",
                )
            found[scan] = looked
            ctx.folder.metric("scanned_per_page", looked.per_page, "pages", scan=scan, **labels)
            ctx.active = True
        ratio = found["process"].per_page / found["whole"].per_page
        ctx.folder.metric("scan_vs_whole", ratio, "ratio", **labels)
        for load in (busy, idle):
            load.verify(ctx.seed)
            ctx.verified[guest.name] = ctx.verified.get(guest.name, 0) + load.count
            load.stop()


def _load(ctx: Context, guest: Guest, name: str, pages: int) -> Load:
    load = Load.start(
        guest,
        name=name,
        content=ContentClass.TEXT,
        seed=ctx.seed,
        pages=pages,
        corpus=ctx.corpus,
    )
    load.fill(ctx.next_cycle())
    return load


def _age(guest: Guest, busy: Load) -> None:
    """All but the busy program's pages grow old."""
    for _ in range(3):
        guest.controller.sweep()
    busy.digests()
    guest.controller.sweep()
