# SPDX-License-Identifier: GPL-2.0-or-later
"""estimate: what compression would gain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from harness.cli.common import Json, mib, print_json


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def estimate(
        target: Annotated[
            str, typer.Argument(metavar="DUMP|GUEST", help="A raw dump, or a guest.")
        ],
        keep: Annotated[
            Path | None, typer.Option(help="Write the guest's pages there, as a dump.")
        ] = None,
        as_json: Json = False,
    ) -> None:
        """What compressing this memory would gain, page by page; nothing is compressed.

        Of a guest the whole board is dumped over QMP; it stands still meanwhile.

        harness estimate linux

        harness estimate linux --keep linux.dump && harness estimate linux.dump
        """
        from harness.estimate.pages import estimate as of_pages
        from harness.estimate.pages import read_dump

        document: dict[str, Any]
        if Path(target).is_file():
            found = of_pages(read_dump(Path(target)))
            document = {"target": target} | found.as_json()
        else:
            from harness.estimate.guest import estimate_guest
            from harness.testbed import attach

            with attach() as testbed:
                found, stats = estimate_guest(testbed, target, keep=keep)
            already = {"gained_already_kib": stats.gained_kib}
            document = {"target": target} | found.as_json() | already
        if as_json:
            print_json(document)
            return
        stored = found.codec_bytes / max(1, found.compressible)
        typer.echo(
            f"{target}: {found.pages} pages: {found.zero} zero, {found.same} same-filled,"
            f" {found.compressible} of {stored:.0f} bytes on average,"
            f" {found.incompressible} that do not compress"
        )
        typer.echo(f"would gain {mib(found.gained_kib)} with {found.store_pages} pages of store")
        if "gained_already_kib" in document:
            typer.echo(f"gained already: {mib(document['gained_already_kib'])}")
