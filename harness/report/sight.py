# SPDX-License-Identifier: GPL-2.0-or-later
"""Everybody's view of memory at one moment, and whether they agree.

Xen says what each domain has, what is free and what is held for restores; each kernel says how many
pages it has, populated ones; QEMU says how large the board is. Of these every page of the board
belongs to somebody:

    board = free + reserve + domains' frames + their stores' + Xen's own

Xen's own is what is left. It cannot be asked for, but must stay the same for as long as the same
domains are there: what a store loses track of would show in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from harness.report.books import PAGE_KIB, Stats, imbalance_pages

# Allocations of Xen's own while domains run (timers, events, grants, trace buffers), in pages.
XEN_OWN_PAGES = 32
# The kernel counts its own pages: not those that the toolstack put beside them (console, store).
KERNEL_PAGES = 16


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at all of it. Pages of 4 KiB unless a name says otherwise."""

    total: int
    free: int
    reserve: int
    dom0: int
    domains: Mapping[str, Stats]
    """Domains that the controller is on for."""
    others: Mapping[str, int] = field(default_factory=dict)
    """Frames of other domains, by name, as the toolstack rounds them."""
    kernels: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """What each guest's kernel says, in KiB: populated, total, free, available, swapped."""
    board_kib: int | None = None
    emulator_kib: int | None = None
    """Resident memory of QEMU."""

    @property
    def xen_own(self) -> int:
        """What is left for Xen itself."""
        held = sum(s.resident + s.store_pages for s in self.domains.values())
        return self.total - self.free - self.reserve - self.dom0 - held - sum(self.others.values())

    @property
    def who(self) -> tuple[str, ...]:
        """The domains: Xen's own changes with them."""
        return (*sorted(self.domains), *sorted(self.others))


def restless(first: Sight, again: Sight) -> int:
    """By how many pages two looks in a row differ: how far one look may be off."""
    moved = abs(again.free - first.free) + abs(again.reserve - first.reserve)
    for name, stats in first.domains.items():
        if name in again.domains:
            now = again.domains[name]
            moved += abs(now.resident - stats.resident)
            moved += abs(now.store_pages - stats.store_pages)
    return moved


def disagreements(sight: Sight, base: Sight, *, slack: int = 0) -> Iterator[str]:
    """What does not add up, a sentence each.

    base:  a sight of the same domains, earlier in the same boot
    slack: pages by which this look may be off, see ``restless``
    """
    for name, stats in sight.domains.items():
        off = imbalance_pages(stats)
        if off:
            yield f"the books of {name} do not balance by {off} pages"
        kernel = sight.kernels.get(name)
        if kernel is not None and "populated" in kernel:
            populated = kernel["populated"] // PAGE_KIB
            off = stats.nominal - stats.ballooned - populated
            if abs(off) > KERNEL_PAGES + slack:
                yield (
                    f"{name} has {stats.nominal - stats.ballooned} pages by Xen's books and"
                    f" {populated} by its kernel's"
                )
    if sight.who == base.who:
        drift = sight.xen_own - base.xen_own
        if abs(drift) > XEN_OWN_PAGES + slack:
            yield (
                f"{drift:+d} pages of the board belong to nobody since the first sample:"
                f" {sight.xen_own} are left for Xen itself, {base.xen_own} were"
            )
    if sight.board_kib is not None and sight.total * PAGE_KIB > sight.board_kib:
        yield f"Xen has {sight.total * PAGE_KIB} KiB of a board of {sight.board_kib} KiB"
