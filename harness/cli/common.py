# SPDX-License-Identifier: GPL-2.0-or-later
"""What several verbs share: options, and output as text or JSON."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
GuestName = Annotated[str, typer.Argument(metavar="GUEST", help="dom0, or a guest's name.")]
Profile = Annotated[
    str,
    typer.Option(
        "--profile",
        "-p",
        help="default, hw-af, soft-af, deterministic, aosp, or a TOML file.",
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="board.cpus=1; may be given more than once."),
]


def print_json(document: Any) -> None:
    """One document, readable, on standard output."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    sys.stdout.flush()


def mib(kib: float) -> str:
    """KiB as MiB for a table."""
    return f"{kib / 1024:.1f} MiB"
