# SPDX-License-Identifier: GPL-2.0-or-later
"""build: Xen, kernel, driver, images."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli.common import Json, print_json


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def build(
        targets: Annotated[
            list[str] | None,
            typer.Argument(
                metavar="[all|xen|kernel|driver|images|programs]...", show_default="all"
            ),
        ] = None,
        offline: Annotated[
            bool, typer.Option("--offline", help="Fail rather than fetch anything.")
        ] = False,
        debug: Annotated[
            bool, typer.Option("--debug", help="Xen with assertions (CONFIG_DEBUG).")
        ] = False,
        as_json: Json = False,
    ) -> None:
        """Build what is missing or older than its inputs.

        harness build

        harness build xen && harness reboot

        harness build xen --debug
        """
        from harness.build.artifacts import build as build_targets

        built = build_targets(targets or ["all"], offline=offline, debug=debug)
        if as_json:
            print_json(
                {
                    name: {"path": str(artifact.path), "digest": artifact.digest}
                    for name, artifact in sorted(built.items())
                }
            )
            return
        for name, artifact in sorted(built.items()):
            typer.echo(f"{name:13} {artifact.path}")
