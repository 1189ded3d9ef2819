# SPDX-License-Identifier: GPL-2.0-or-later
"""``harness top``: guests, pages, gain, restores and their latency, on a terminal."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table

from harness.monitor.observe import LiveObserver
from harness.monitor.snapshot import Line, Snapshot, lines, take
from harness.report.books import PAGE_KIB

MIB = 1024


def watch(
    observer: LiveObserver, *, every_s: float, count: int | None
) -> Iterator[tuple[Snapshot, list[Line]]]:
    """Snapshots with what each guest did since the one before; without a count for ever."""
    before = take(observer)
    done = 0
    while count is None or done < count:
        time.sleep(max(0.0, before.at_s + every_s - time.monotonic()))
        now = take(observer)
        yield now, lines(before, now)
        before = now
        done += 1


def show(
    observer: LiveObserver, name: str, *, every_s: float, count: int | None, as_json: bool
) -> None:
    """Until the count is reached or somebody presses Ctrl-C; a line of JSON each, if asked for."""
    console = Console(highlight=False)
    seen = watch(observer, every_s=every_s, count=count)
    if as_json:
        for now, guests in seen:
            host = {"free_kib": now.sight.free * PAGE_KIB, "total_kib": now.sight.total * PAGE_KIB}
            print(json.dumps({"host": host, "guests": [g.as_json() for g in guests]}), flush=True)
        return
    if not console.is_terminal:
        for now, guests in seen:
            console.print(table(name, now, guests))
        return
    with Live(console=console, auto_refresh=False, screen=count is None) as live:
        for now, guests in seen:
            live.update(table(name, now, guests), refresh=True)


def table(name: str, now: Snapshot, guests: list[Line]) -> Table:
    """One line a guest; the host's memory above it."""
    sight = now.sight
    free, total = sight.free * PAGE_KIB / MIB, sight.total * PAGE_KIB / MIB
    gained = sum(guest.gained_kib for guest in guests) / MIB
    found = Table(
        title=f"testbed {name}: {free:.0f} of {total:.0f} MiB free, {gained:.1f} MiB gained",
        caption=(
            "MiB of memory; pages that came back and were taken, a second; microseconds of emulator"
            " time that a restore took, for orientation; MiB available by the guest's kernel"
        ),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
    )
    found.add_column("guest", no_wrap=True)
    # As wide as 80 columns hold.
    for column in ("of", "has", "gained", "pages", "back/s", "taken/s", "p50", "p99", "avail"):
        found.add_column(column, justify="right", no_wrap=True)
    for guest in guests:
        found.add_row(
            guest.guest,
            f"{guest.nominal_kib / MIB:.0f}",
            f"{guest.resident_kib / MIB:.1f}",
            f"[bold]{guest.gained_kib / MIB:.1f}[/]",
            f"{guest.compressed_pages}",
            f"{guest.restored_per_s:.0f}",
            f"{guest.compressed_per_s:.0f}",
            "-" if guest.p50_us is None else f"{guest.p50_us:.0f}",
            "-" if guest.p99_us is None else f"{guest.p99_us:.0f}",
            "-" if guest.available_kib is None else f"{guest.available_kib / MIB:.1f}",
        )
    return found
