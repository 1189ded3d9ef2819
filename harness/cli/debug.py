# SPDX-License-Identifier: GPL-2.0-or-later
"""qmp and gdb: QEMU's view of the machine."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.cli.common import print_json


def register(app: typer.Typer) -> None:
    """Add the verbs."""

    @app.command()
    def qmp(
        command: Annotated[str, typer.Argument(help="query-status, stop, cont, pmemsave, ...")],
        arguments: Annotated[
            list[str] | None, typer.Argument(metavar="[ARGS]", help="A JSON object, or key=value.")
        ] = None,
    ) -> None:
        """Give QEMU a command and print what it answers, as JSON.

        harness qmp query-status

        harness qmp pmemsave val=1073741824 size=4096 filename=/tmp/page

        harness qmp human-monitor-command '{"command-line": "info registers"}'
        """
        from harness.testbed import attach

        parsed = parse_arguments(arguments or [])
        with attach() as testbed, testbed.qmp() as connection:
            print_json(connection.execute(command, parsed, timeout_s=300))

    @app.command(context_settings={"ignore_unknown_options": True})
    def gdb(
        target: Annotated[str, typer.Argument(help="xen, dom0 or a guest: whose symbols.")],
        words: Annotated[
            list[str] | None, typer.Argument(metavar="[-- GDB ARGS]", help="Given to gdb.")
        ] = None,
    ) -> None:
        """Attach gdb to the machine's CPUs, with symbols. Leaving it lets the machine go on.

        harness gdb xen

        harness gdb xen -- -batch -ex 'info threads' -ex 'hbreak domain_crash'
        """
        argv, cwd = prepare_gdb(target, words or [])
        os.chdir(cwd)
        os.execvp(argv[0], argv)


def parse_arguments(words: list[str]) -> dict[str, Any]:
    """QMP arguments: one JSON object, or ``key=value`` with JSON values and bare strings."""
    from harness.errors import UsageError

    if len(words) == 1 and words[0].lstrip().startswith("{"):
        try:
            document: dict[str, Any] = json.loads(words[0])
        except ValueError as error:
            raise UsageError(f"not JSON: {error}", where=words[0]) from error
        return document
    arguments: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"cannot read {word!r}", hint="key=value, or one JSON object")
        try:
            arguments[key] = json.loads(value)
        except ValueError:
            arguments[key] = value
    return arguments


def prepare_gdb(target: str, words: list[str]) -> tuple[list[str], str]:
    """Open QEMU's gdb server; gdb's command line and the folder to run it in."""
    import shutil

    from harness.errors import SetupError
    from harness.machine.argv import GDB_SOCKET
    from harness.testbed import attach

    program = shutil.which("gdb-multiarch")
    if program is None:
        raise SetupError("no gdb-multiarch here", hint="apt-get install gdb-multiarch")
    with attach() as testbed:
        if target != "xen":
            testbed.transport(target)  # an unknown name is said to be one
        # Beside what was booted, whatever has been built since.
        booted, beside = ("xen", "xen-syms") if target == "xen" else ("kernel", "vmlinux")
        symbols = Path(testbed.folder.read_request().files[booted]).with_name(beside)
        if not symbols.exists():
            raise SetupError(f"no symbols of {target}", where=str(symbols), hint="harness build")
        with testbed.qmp() as qmp:
            # A unix socket in the testbed's folder: no port to choose, no other user in.
            qmp.hmp(f"gdbserver unix:{GDB_SOCKET},server=on,wait=off")
        cwd = str(testbed.folder.path)
    return [
        program,
        "-q",
        str(symbols),
        "-ex",
        "set architecture aarch64",
        "-ex",
        # Relative: a unix socket's path must be short.
        f"target remote ./{GDB_SOCKET}",
        *words,
    ], cwd
