# SPDX-License-Identifier: GPL-2.0-or-later
"""pressure: how a guest fares for memory, over time."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.common import GuestName, Json

if TYPE_CHECKING:
    from harness.monitor.pressure import Pressure

DAEMON_LOGS = "/run/memcompressd.log /data/log/memcompressd*"
COLUMNS = (
    "seconds  some%  full%  stall%   held  slice  grown gained"
    "  requests  compressed  kills  averted"
)


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def pressure(
        guest: GuestName,
        every: Annotated[float, typer.Option(help="Seconds between two lines.")] = 1.0,
        count: Annotated[int, typer.Option(help="So many lines; 0: until Ctrl-C.")] = 0,
        log: Annotated[bool, typer.Option("--log", help="What memcompressd said instead.")] = False,
        as_json: Json = False,
    ) -> None:
        """Who waits for memory in a guest, what its driver does about it, and who was killed.

        harness pressure linux --every 2

        harness pressure linux --log
        """
        from harness.scenarios.live import LiveGuest
        from harness.scenarios.pressure import watch
        from harness.testbed import attach

        with attach() as testbed:
            live = LiveGuest(testbed.guest(guest))
            if log:
                said = live.shell.run(f"cat {DAEMON_LOGS} 2> /dev/null; true", timeout_s=60)
                sys.stdout.write(said.stdout.decode(errors="replace"))
                return
            if not as_json:
                typer.echo(COLUMNS)
            before: tuple[float, Pressure] | None = None
            for at_s, now in watch(live, every_s=every, count=count or None):
                if as_json:
                    typer.echo(json.dumps({"at_s": round(at_s, 3)} | now.document()))
                else:
                    typer.echo(_line(at_s, now, before, live.vcpus))
                before = at_s, now


def _line(at_s: float, now: Pressure, before: tuple[float, Pressure] | None, vcpus: int) -> str:
    then_s, then = before or (at_s, now)
    us = max(at_s - then_s, 1e-6) * 1e6
    shares = (
        (now.some_us - then.some_us) / us,
        (now.full_us - then.full_us) / us,
        (now.stall_us - then.stall_us) / us / vcpus,
    )
    some, full, stall = (f"{100 * share:5.1f}" for share in shares)
    return (
        f"{at_s:7.1f}  {some}  {full}  {stall:>6}"
        f" {now.held:6d} {now.slice:6d} {now.grown:6d} {now.gained:6d}"
        f"  {now.requests:8d}  {now.compressed:10d}"
        f"  {now.kills + now.lmkd_kills:5d}  {now.oom_averted:7d}"
    )
