# SPDX-License-Identifier: GPL-2.0-or-later
"""console: what a machine has said, and says."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

FOLLOW_S = 0.1


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def console(
        name: Annotated[str, typer.Argument(help="xen (dom0 speaks there as well), or a guest.")],
        follow: Annotated[
            bool, typer.Option("--follow", "-f", help="Go on until the testbed ends.")
        ] = False,
        tail: Annotated[
            int, typer.Option("--tail", "-n", help="Only so many last lines; 0 for all.")
        ] = 0,
    ) -> None:
        """Show a console's log; each line begins with the seconds since the machine's start.

        The log outlives the testbed: after a crash it says what happened.
        """
        from harness.errors import UsageError
        from harness.testbed.record import Folder

        folder = Folder.named()
        log = folder.console_log(name)
        if not log.exists():
            known = sorted(path.stem for path in folder.consoles.glob("*.log"))
            raise UsageError(
                f"no console {name!r} in testbed {folder.name}",
                hint=f"one of {', '.join(known)}" if known else "harness boot",
            )
        _show(log, folder if follow else None, tail)


def _show(log: Path, following: object, tail: int) -> None:
    from harness.testbed.record import Folder

    with log.open(encoding="utf-8", errors="replace") as file:
        if tail:
            sys.stdout.writelines(file.readlines()[-tail:])
        while True:
            alive = isinstance(following, Folder) and following.running()
            sys.stdout.write(file.read())
            sys.stdout.flush()
            if not alive:
                return
            time.sleep(FOLLOW_S)
