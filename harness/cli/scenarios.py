# SPDX-License-Identifier: GPL-2.0-or-later
"""run: scenarios."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.common import Json


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("run")
    def run(
        scenario: Annotated[str, typer.Argument(help="A shipped name, or a path to a TOML file.")],
        out: Annotated[
            Path | None, typer.Option(help="Run folder; default a new one under runs/.")
        ] = None,
        seed: Annotated[int, typer.Option(help="Of all content and orders.")] = 1,
        overrides: Annotated[
            list[str] | None,
            typer.Option("--set", metavar="STEP.KEY=VALUE", help="round-trips.total=10000"),
        ] = None,
        resume: Annotated[
            bool, typer.Option("--resume", help="Go on in --out, where an attempt has ended.")
        ] = False,
        as_json: Json = False,
    ) -> None:
        """Run a scenario; it leaves a run folder and prints a table.

        Uses the running testbed if its profile fits, else boots one and halts it afterwards.

        harness run first-light

        harness run roundtrip --seed 7 --set round-trips.total=100000

        harness run squeeze --out runs/s --resume
        """
        from harness.scenarios.cli import run as run_scenario

        run_scenario(
            scenario,
            out=out,
            seed=seed,
            overrides=overrides or [],
            resume=resume,
            as_json=as_json,
        )
