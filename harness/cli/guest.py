# SPDX-License-Identifier: GPL-2.0-or-later
"""ssh, adb, exec, push, pull: into a guest and out of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.common import GuestName

if TYPE_CHECKING:
    from harness.transport.base import Transport

Command = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[-- CMD]", help="One word: a line for the guest's shell. More: the exact words."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verbs."""

    @app.command()
    def ssh(guest: GuestName, command: Command = None) -> None:
        """A shell in a guest, or a command there.

        harness ssh linux

        harness ssh dom0 -- xl list
        """
        from harness.testbed import attach

        with attach() as testbed:
            shell = testbed.ssh(guest)
            status = _stream(shell, command) if command else shell.shell()
        raise typer.Exit(status)

    @app.command()
    def adb(
        arguments: Annotated[
            list[str] | None, typer.Argument(metavar="[-- ARGS]", help="adb's own arguments.")
        ] = None,
        guest: Annotated[str, typer.Option(help="Which Android guest.")] = "android",
    ) -> None:
        """adb with an Android guest: a shell, or whatever the arguments say.

        harness adb

        harness adb -- logcat

        harness adb -- push app.dex /data/local/tmp/
        """
        from harness.testbed import attach

        with attach() as testbed:
            status = testbed.adb(guest).adb(arguments or ["shell"])
        raise typer.Exit(status)

    @app.command("exec")
    def exec_(guest: GuestName, command: Command = None) -> None:
        """Run a command without a terminal: stdin, stdout, stderr and exit status are exact.

        harness exec linux -- cat /proc/meminfo

        harness exec linux -- 'ps | grep memload'

        tar c notes | harness exec linux -- tar xC /tmp
        """
        from harness.errors import UsageError

        if not command:
            raise UsageError("no command given", hint="harness exec linux -- uname -a")
        raise typer.Exit(_run(guest, command))

    @app.command()
    def push(guest: GuestName, src: Path, dst: str) -> None:
        """Copy a file into a guest: push linux ./tool /tmp/tool"""
        from harness.errors import UsageError
        from harness.testbed import attach

        if not src.is_file():
            raise UsageError("no such file", where=str(src))
        with attach() as testbed:
            testbed.transport(guest).push(src, dst)

    @app.command()
    def pull(guest: GuestName, src: str, dst: Path) -> None:
        """Copy a file out of a guest: pull dom0 /var/log/xen/xl-linux.log ."""
        from harness.testbed import attach

        target = dst / Path(src).name if dst.is_dir() else dst
        with attach() as testbed:
            testbed.transport(guest).pull(src, target)


def _run(guest: str, command: list[str]) -> int:
    """Connect our own streams; ssh's rule for one word, exec's for more."""
    from harness.testbed import attach

    with attach() as testbed:
        return _stream(testbed.transport(guest), command)


def _stream(shell: Transport, command: list[str]) -> int:
    return shell.stream(
        command[0] if len(command) == 1 else command,
        # A terminal would be waited on for input that the command may never want.
        stdin=None if sys.stdin is None or sys.stdin.isatty() else sys.stdin.buffer,
        stdout=sys.stdout.buffer,
        stderr=sys.stderr.buffer,
    )
