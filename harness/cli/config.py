# SPDX-License-Identifier: GPL-2.0-or-later
"""config: what a profile comes to, and where each value is from."""

from __future__ import annotations

import typer

from harness.cli.common import Json, Overrides, Profile, print_json


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    config = typer.Typer(help="Profiles: show what one comes to.", no_args_is_help=True)
    app.add_typer(config, name="config")

    @config.command()
    def show(
        profile: Profile = "default", overrides: Overrides = None, as_json: Json = False
    ) -> None:
        """Every key of a profile with its value and its origin.

        harness config show --profile deterministic --set guests.linux.memory_mib=48
        """
        from harness.config import load_profile

        resolved = load_profile(profile, overrides=overrides or [])
        if as_json:
            print_json(
                {
                    key: {"value": value, "origin": resolved.origins[key]}
                    for key, value in resolved.values.items()
                }
            )
            return
        width = max(len(f"{key} = {value!r}") for key, value in resolved.values.items())
        for key, value in resolved.values.items():
            typer.echo(f"{f'{key} = {value!r}':<{width}}  # {resolved.origins[key]}")

    @config.command("list")
    def list_(as_json: Json = False) -> None:
        """The profiles that come with the harness."""
        from harness.config import shipped_profiles

        if as_json:
            print_json(list(shipped_profiles()))
        else:
            typer.echo("\n".join(shipped_profiles()))
