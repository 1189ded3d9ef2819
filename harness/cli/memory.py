# SPDX-License-Identifier: GPL-2.0-or-later
"""status, stats, compress, restore: memory and who has it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.common import GuestName, Json, mib, print_json

if TYPE_CHECKING:
    from harness.testbed import Guest, Testbed

# The guest driver's files (guest-drivers/linux).
DRIVER = "/sys/kernel/xen_memcompress"

Pid = Annotated[
    int | None, typer.Option(help="Ask from within the guest, for this process of its.")
]
All = Annotated[bool, typer.Option("--all", help="The whole domain, from dom0 (the default).")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""

    @app.command()
    def status(as_json: Json = False) -> None:
        """What runs, and who has how much memory."""
        from harness.testbed.status import status as ask

        document = ask()
        if as_json:
            print_json(document)
        else:
            _print_status(document)

    @app.command()
    def stats(
        guest: Annotated[str | None, typer.Argument(metavar="[GUEST]")] = None,
        as_json: Json = False,
    ) -> None:
        """The controller's books of one guest, or of all: every number it keeps."""
        from harness.testbed import attach

        with attach() as testbed:
            names = [guest] if guest else list(testbed.guests)
            found = {name: _stats(testbed, testbed.guest(name)) for name in names}
        if as_json:
            print_json(found[guest] if guest else found)
        else:
            _print_stats(found)

    @app.command()
    def compress(
        guest: GuestName, pid: Pid = None, all_: All = False, as_json: Json = False
    ) -> None:
        """Compress the idle memory of a guest, or of one process in it.

        harness compress linux --all

        harness compress linux --pid 101
        """
        _act("compress", guest, pid, all_, as_json)

    @app.command()
    def restore(
        guest: GuestName, pid: Pid = None, all_: All = False, as_json: Json = False
    ) -> None:
        """Bring compressed memory back before it is needed."""
        _act("restore", guest, pid, all_, as_json)


def _act(verb: str, name: str, pid: int | None, all_: bool, as_json: bool) -> None:
    from harness.errors import UsageError
    from harness.testbed import attach

    if pid is not None and all_:
        raise UsageError("one process or all of the guest, not both", where="--pid, --all")
    with attach() as testbed:
        guest = testbed.guest(name)
        before = guest.controller.stats()
        if pid is not None:
            guest.transport.succeed(f"echo {pid} > {DRIVER}/{verb}", timeout_s=600)
        elif verb == "compress":
            guest.controller.compress()
        else:
            guest.controller.restore()
        after = guest.controller.stats()
    document = {
        "guest": name,
        "pid": pid,
        "compressed_pages": after.compressed,
        "committed": after.committed - before.committed,
        "restored": after.restores_total - before.restores_total,
        "gained_kib": after.gained_kib,
    }
    if as_json:
        print_json(document)
    else:
        typer.echo(
            f"{name}: {document['committed']} pages compressed, {document['restored']} restored; "
            f"now {after.compressed} compressed, {mib(after.gained_kib)} gained"
        )


def _stats(testbed: Testbed, guest: Guest) -> dict[str, Any]:
    testbed.check(guest.name)
    stats = guest.controller.stats()
    return asdict(stats) | {"gained_kib": stats.gained_kib}


def _print_status(document: dict[str, Any]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    up = f", up {document['up_s']:.0f} s" if document["up_s"] is not None else ""
    console.print(f"testbed {document['name']}: [bold]{document['state']}[/bold]{up}")
    if document["failure"]:
        failure = document["failure"]
        console.print(f"  first failure: {failure['message']} ({failure['where']})", style="red")
    if document["host"]:
        host = document["host"]
        console.print(f"  profile {document['profile']} {' '.join(document['overrides'])}")
        console.print(f"  board: {mib(host['free_kib'])} free of {mib(host['total_kib'])}")
        if not document["controller"]:
            console.print("  this Xen has no memory compression controller", style="yellow")
    if not document["guests"]:
        return
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for column in ("guest", "state"):
        table.add_column(column, no_wrap=True)
    for column in ("nominal", "resident", "gained", "compressed", "restores"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, guest in document["guests"].items():
        failure = guest["failure"]
        table.add_row(
            name,
            "[red]failed[/red]" if failure else guest["state"],
            mib(guest["nominal_kib"]),
            mib(guest["resident_kib"]),
            mib(guest["gained_kib"]),
            f"{guest['compressed_pages']} p",
            str(sum(guest["restores"].values())),
        )
    console.print(table)
    for name, guest in document["guests"].items():
        if guest["failure"]:
            console.print(f"  {name}: {guest['failure']['message']}", style="red", markup=False)


def _print_stats(found: dict[str, dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", *found)
    for column in table.columns[1:]:
        column.justify = "right"
    rows: dict[str, list[str]] = {}
    for stats in found.values():
        for key, value in _flat(stats).items():
            rows.setdefault(key, []).append(value)
    for key, values in rows.items():
        table.add_row(key, *values)
    Console(highlight=False).print(table)


def _flat(stats: dict[str, Any]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in stats.items():
        if isinstance(value, dict) and all(isinstance(v, bool) for v in value.values()):
            flat[key] = " ".join(name for name, on in value.items() if on) or "-"
        elif isinstance(value, dict):
            flat |= {f"{key}.{name}": str(n) for name, n in value.items()}
        elif isinstance(value, (list, tuple)):
            flat[key] = " ".join(map(str, value))
        else:
            flat[key] = str(value)
    return flat
