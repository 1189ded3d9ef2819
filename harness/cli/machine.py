# SPDX-License-Identifier: GPL-2.0-or-later
"""boot, reboot, halt."""

from __future__ import annotations

import shlex
import sys
from typing import Annotated

import typer

from harness.cli.common import Json, Overrides, Profile, print_json


def register(app: typer.Typer) -> None:
    """Add the verbs."""

    @app.command()
    def boot(
        profile: Profile = "default",
        overrides: Overrides = None,
        until: Annotated[
            str, typer.Option(help="Stop on the way up: xen, dom0, guests or ready.")
        ] = "ready",
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Only print the QEMU command line.")
        ] = False,
        as_json: Json = False,
    ) -> None:
        """Start Xen, dom0 and the guests, and leave them running.

        harness boot --profile hw-af --set guests.linux.memory_mib=96

        harness --name second boot --set guests.android.enabled=false
        """
        from harness.errors import UsageError
        from harness.testbed.states import State

        if until not in list(State)[1:]:
            raise UsageError(
                f"no state {until!r}", where="--until", hint="xen, dom0, guests, ready"
            )
        if dry_run:
            _print_argv(profile, overrides or [], as_json)
            return
        from harness.testbed import boot as boot_testbed
        from harness.testbed.launch import already_up

        running = already_up(profile, overrides=overrides or [])
        if running is not None:
            with running:
                _say_up(running.name, as_json)
            return
        with boot_testbed(profile, overrides=overrides or [], until=State(until)) as testbed:
            _say_up(testbed.name, as_json)

    @app.command()
    def reboot(as_json: Json = False) -> None:
        """Halt, and boot the same profile with what is built now.

        make xen && harness reboot
        """
        from harness.testbed import reboot as reboot_testbed

        with reboot_testbed() as testbed:
            _say_up(testbed.name, as_json)

    @app.command()
    def halt(as_json: Json = False) -> None:
        """End the testbed and all that belongs to it."""
        from harness.testbed import halt as halt_testbed
        from harness.testbed.record import Folder

        record = halt_testbed()
        if as_json:
            print_json({"name": Folder.named().name, "was_running": record is not None})
        elif record is None:
            typer.echo(f"testbed {Folder.named().name} was not running")


def _say_up(name: str, as_json: bool) -> None:
    from harness.testbed.status import status

    document = status(name)
    if as_json:
        print_json(document)
        return
    prefix = "harness" if name == "default" else f"harness --name {name}"
    last = max(document["timeline"].values(), default=0.0)
    typer.echo(f"testbed {name}: {document['state']} after {last:.1f} s")
    guest = next(iter(document["guests"]), "dom0")
    for command in (f"ssh {guest}", "console xen --follow", "status", "halt"):
        typer.echo(f"    {prefix} {command}")


def _print_argv(profile: str, overrides: list[str], as_json: bool) -> None:
    """The command line with the ports and the key that a boot would choose left open."""
    from pathlib import Path

    from harness.config import load_profile
    from harness.machine.argv import Files, build_argv
    from harness.testbed.assets import disk_files
    from harness.testbed.launch import artifacts
    from harness.testbed.ports import wanted_ports
    from harness.testbed.record import Folder

    resolved = load_profile(profile, overrides=overrides)
    paths, _ = artifacts(resolved)
    folder = Folder.named().path
    argv = build_argv(
        resolved.profile,
        Files(
            xen=Path(paths["xen"]),
            kernel=Path(paths["kernel"]),
            dom0_initrd=Path(paths["dom0_initrd"]),
            assets=folder / "assets.tar",
            disks=disk_files(resolved.profile, folder, {k: Path(v) for k, v in paths.items()}),
        ),
        ports=wanted_ports(resolved.profile),
        public_key="KEY",
    )
    if as_json:
        print_json({"cwd": str(folder), "argv": argv})
        return
    lines: list[str] = []
    for word in argv:
        if lines and word.startswith("-"):
            lines.append(f"    {shlex.quote(word)}")
        elif lines:
            lines[-1] += f" {shlex.quote(word)}"
        else:
            lines.append(shlex.quote(word))
    sys.stdout.write(f"cd {shlex.quote(str(folder))}\n" + " \\\n".join(lines) + "\n")
