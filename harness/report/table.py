# SPDX-License-Identifier: GPL-2.0-or-later
"""The table that ``make boot`` ends with."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from harness.report.books import PAGE_KIB, GuestBooks, gained_by_lzo_kib, gained_kib

LATENCY_NOTE = "emulator time, for orientation"


def mib(kib: float) -> str:
    """KiB as MiB with one digit."""
    return f"{kib / 1024:.1f}"


def guest_table(
    guests: Sequence[GuestBooks], *, free_before_kib: float, free_after_kib: float
) -> Table:
    """One column per guest, one row per number, host free memory below.

    Args:
        guests: what to show, in order.
        free_before_kib: host free memory before anything was compressed.
        free_after_kib: the same while everything was compressed.
    """
    table = Table(
        title="Memory compressed by the hypervisor",
        caption=(
            f"host free memory: {mib(free_before_kib)} MiB before, {mib(free_after_kib)} MiB"
            f" compressed ({mib(free_after_kib - free_before_kib)} MiB more)"
            f"\nlatency: {LATENCY_NOTE}; instructions come from the deterministic profile"
        ),
        caption_justify="left",
    )
    table.add_column("")
    for guest in guests:
        table.add_column(guest.name, justify="right")
    for label, cells in _rows(guests):
        table.add_row(label, *cells)
    return table


def _rows(guests: Sequence[GuestBooks]) -> list[tuple[str, list[str]]]:
    stats = [g.stats for g in guests]
    rows = [
        ("nominal, MiB", [mib(s.nominal * PAGE_KIB) for s in stats]),
        ("resident, MiB", [mib(s.resident * PAGE_KIB) for s in stats]),
        ("compressed pages", [str(s.compressed) for s in stats]),
        ("  zero", [str(s.zero) for s in stats]),
        ("  same-filled", [str(s.same) for s in stats]),
        ("  LZO", [str(s.lzo) for s in stats]),
        ("stored, MiB", [mib(s.stored_bytes / 1024) for s in stats]),
        ("[bold]memory gained, MiB[/]", [f"[bold]{mib(gained_kib(s))}[/]" for s in stats]),
        ("  of it from LZO pages", [mib(gained_by_lzo_kib(s)) for s in stats]),
        ("pages verified", [str(g.verified_pages) for g in guests]),
        ("restores", [str(sum(g.restores.values())) for g in guests]),
    ]
    causes = dict.fromkeys(cause for g in guests for cause in g.restores)
    rows += [(f"  {c}", [str(g.restores.get(c, 0)) for g in guests]) for c in causes]
    names = dict.fromkeys(name for g in guests for name in g.latency_us)
    for name in names:
        cells = [
            "{:.0f} / {:.0f}".format(*g.latency_us[name]) if name in g.latency_us else "-"
            for g in guests
        ]
        rows.append((f"{name} p50/p99, us*", cells))
    return rows
