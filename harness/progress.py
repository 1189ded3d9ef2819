# SPDX-License-Identifier: GPL-2.0-or-later
"""Says what is being done, and how long it took.

    with step("xen: build") as s:
        s.note("compiling")
        s.cached()          # inputs unchanged, nothing was done

A live display on a terminal, plain lines with the time of day elsewhere; always on stderr, since
stdout belongs to what a verb reports. Steps may nest and may run in several threads.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Imported where they are used: harness.sources also runs before there is an environment.
    from rich.live import Live
    from rich.spinner import Spinner
    from rich.table import Table


class Step:
    """A thing being done."""

    def __init__(self, name: str, depth: int) -> None:
        self.name = name
        self.depth = depth
        self.started = time.monotonic()
        self.last_note = ""
        self.was_cached = False

    def note(self, text: str) -> None:
        """What of it is being done now."""
        self.last_note = text
        _display.noted(self, text)

    def cached(self) -> None:
        """It had been done before."""
        self.was_cached = True

    @property
    def elapsed_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.started


class _Display:
    """Where steps are shown: one for the process, since there is one terminal."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._active: list[Step] = []
        self._live: Live | None = None
        self._spinner: Spinner | None = None

    def begin(self, name: str) -> Step:
        with self._lock:
            step = Step(name, len(self._active))
            self._active.append(step)
            if not sys.stderr.isatty():
                self._line(f"{name} ...")
            elif self._live is None:
                self._live = self._start()
            return step

    def _start(self) -> Live:
        from rich.console import Console
        from rich.live import Live
        from rich.spinner import Spinner

        self._spinner = Spinner("dots")
        live = Live(
            get_renderable=self._table,
            console=Console(stderr=True),
            refresh_per_second=8,
            transient=True,
            redirect_stdout=False,
        )
        live.start()
        return live

    def noted(self, step: Step, text: str) -> None:
        if not sys.stderr.isatty():
            self._line(f"{step.name}: {text}")

    def end(self, step: Step, *, failed: bool) -> None:
        with self._lock:
            self._active.remove(step)
            live = self._live
            if live is not None and not self._active:
                live.stop()
                self._live = None
            took = f"{step.elapsed_s:.1f} s"
            if live is None:
                outcome = "FAILED after" if failed else "unchanged," if step.was_cached else "done,"
                self._line(f"{step.name}: {outcome} {took}")
            else:
                mark = "[red]✗[/]" if failed else "[dim]=[/]" if step.was_cached else "[green]✓[/]"
                indent = "  " * step.depth
                live.console.print(
                    f"{indent}{mark} {_plain(step.name)} [dim]{took}[/]", highlight=False
                )

    def warned(self, text: str) -> None:
        with self._lock:
            if self._live is None:
                self._line(f"warning: {text}")
            else:
                self._live.console.print(f"[yellow]warning:[/] {_plain(text)}", highlight=False)

    def _line(self, text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)

    def _table(self) -> Table:
        from rich import table as rich_table

        table = rich_table.Table.grid(padding=(0, 1))
        for step in list(self._active):
            note = f"[dim]{_plain(step.last_note)}[/]" if step.last_note else ""
            time_so_far = f"[dim]{step.elapsed_s:.0f} s[/]"
            spinner = self._spinner or ""
            table.add_row("  " * step.depth, spinner, _plain(step.name), time_so_far, note)
        return table


def _plain(text: str) -> str:
    """Text in which rich sees no markup."""
    from rich.markup import escape

    return escape(text)


_display = _Display()


@contextmanager
def step(name: str) -> Iterator[Step]:
    """Show that ``name`` is being done while the body runs, and how long it took."""
    current = _display.begin(name)
    try:
        yield current
    except BaseException:
        _display.end(current, failed=True)
        raise
    _display.end(current, failed=False)


def warn(text: str) -> None:
    """Something the user should know, which stops nothing."""
    _display.warned(text)
