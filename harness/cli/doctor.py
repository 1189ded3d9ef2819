# SPDX-License-Identifier: GPL-2.0-or-later
"""doctor."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from harness.cli.common import Json, print_json


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def doctor(
        install: bool = typer.Option(True, help="Install missing Debian packages."),
        extra: Annotated[
            list[str] | None,
            typer.Option(
                "--with", metavar="NAME", help="Also what some checks need: arm32, browser, flask."
            ),
        ] = None,
        offline: bool = typer.Option(False, "--offline", help="Do not ask the mirror."),
        as_json: Json = False,
    ) -> None:
        """Check this machine, and install what it lacks.

        harness doctor

        harness doctor --with arm32
        """
        from harness.host import doctor as host
        from harness.progress import step

        with step("doctor") as progress:
            checks = host.run(
                install=install, network=not offline, extra=extra or (), say=progress.note
            )
        if as_json:
            print_json([asdict(check) for check in checks])
        else:
            console = Console(highlight=False, soft_wrap=True)
            for check in checks:
                mark = "[green]good[/]" if check.good else "[red]BAD [/]"
                console.print(f"{mark} {check.name:<22} {escape(check.found)}")
        host.require(checks)
