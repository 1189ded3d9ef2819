# SPDX-License-Identifier: GPL-2.0-or-later
"""doctor."""

from __future__ import annotations

from dataclasses import asdict

import typer
from rich.console import Console
from rich.markup import escape

from harness.cli.common import Json, print_json


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def doctor(
        install: bool = typer.Option(True, help="Install missing Debian packages."),
        offline: bool = typer.Option(False, "--offline", help="Do not ask the mirror."),
        as_json: Json = False,
    ) -> None:
        """Check this machine, and install what it lacks."""
        from harness.host import doctor as host
        from harness.progress import step

        with step("doctor") as progress:
            checks = host.run(install=install, network=not offline, say=progress.note)
        if as_json:
            print_json([asdict(check) for check in checks])
        else:
            console = Console(highlight=False, soft_wrap=True)
            for check in checks:
                mark = "[green]good[/]" if check.good else "[red]BAD [/]"
                console.print(f"{mark} {check.name:<22} {escape(check.found)}")
        host.require(checks)
