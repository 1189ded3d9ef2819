# SPDX-License-Identifier: GPL-2.0-or-later
"""cache: what is kept between builds, and how much of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.common import Json, mib, print_json

if TYPE_CHECKING:
    from harness.sources.keeping import Entry

DAY_S = 24 * 3600
UNITS = {"h": 3600, "d": DAY_S, "w": 7 * DAY_S}
# Younger than that may be what somebody is about to use.
LEAST_S = 3600


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(
        no_args_is_help=True, help="What is kept between builds, for all checkouts."
    )
    app.add_typer(group, name="cache")

    @group.command("list")
    def list_entries(
        everything: Annotated[bool, typer.Option("--all", help="Also what is small.")] = False,
        as_json: Json = False,
    ) -> None:
        """What is in the cache: size, days since it was used, why it would stay.

        harness cache list
        """
        from harness.sources import keeping

        found = keeping.entries()
        if as_json:
            print_json([_document(entry) for entry in found])
            return
        for entry in found if everything else found[:30]:
            typer.echo(_line(entry))
        if len(found) > 30 and not everything:
            typer.echo(f"... and {len(found) - 30} more (--all)")
        _totals(found, keeping.total_bytes(found), keeping.free_bytes())

    @group.command()
    def prune(
        unused: Annotated[
            str, typer.Option(metavar="TIME", help="Not used for so long: 12h, 30d, 8w.")
        ] = "30d",
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell.")] = False,
        as_json: Json = False,
    ) -> None:
        """Remove what was not used for long, and can be made or fetched again.

        What a checkout has built last, and what a lock file names, stays.

        harness cache prune --unused 14d --dry-run
        """
        from harness.progress import step
        from harness.sources import keeping

        seconds = _seconds(unused)
        with step("cache: prune"):
            gone = keeping.prune(seconds, dry_run=dry_run)
        if as_json:
            print_json({"removed": not dry_run, "entries": [_document(entry) for entry in gone]})
            return
        for entry in gone:
            typer.echo(_line(entry))
        verb = "would be removed" if dry_run else "removed"
        typer.echo(f"{len(gone)} {verb}: {mib(keeping.total_bytes(gone) / 1024)}")

    @group.command()
    def verify(
        remove: Annotated[
            bool, typer.Option("--remove", help="Remove what is not as it was made.")
        ] = False,
        as_json: Json = False,
    ) -> None:
        """Compare every object and download with its hashes.

        A build does that with what it uses; this does it with everything.

        harness cache verify --remove
        """
        from harness.errors import SetupError
        from harness.progress import step
        from harness.sources import keeping

        bad: list[tuple[Entry, str]] = []
        count = 0
        with step("cache: verify") as progress:
            for entry, wrong in keeping.verify(remove=remove):
                count += 1
                if wrong:
                    bad.append((entry, wrong))
                    progress.note(f"{entry.name}: {wrong}")
        if as_json:
            print_json({"looked_at": count, "bad": [_document(e) | {"why": w} for e, w in bad]})
        else:
            for entry, wrong in bad:
                typer.echo(f"{entry.kind}/{entry.name}: {wrong}")
            typer.echo(f"{count} looked at, {len(bad)} not as they were made")
        if bad and not remove:
            raise SetupError(
                f"{len(bad)} of the cache are not as they were made",
                where=str(bad[0][0].path),
                hint="harness cache verify --remove; the next build makes them again",
            )


def _seconds(text: str) -> float:
    from harness.errors import UsageError

    found = re.fullmatch(r"(\d+)([hdw])", text)
    if not found:
        raise UsageError(f"no time: {text!r}", where="--unused", hint="12h, 30d or 8w")
    seconds = int(found[1]) * UNITS[found[2]]
    if seconds < LEAST_S:
        raise UsageError(
            "younger than an hour may be in use", where="--unused", hint="1h is the least"
        )
    return seconds


def _document(entry: Entry) -> dict[str, object]:
    return {
        "kind": entry.kind.value,
        "name": entry.name,
        "path": str(entry.path),
        "size_bytes": entry.size_bytes,
        "unused_s": round(entry.used_s),
        "kept": entry.kept,
    }


def _line(entry: Entry) -> str:
    size = f"{mib(entry.size_bytes / 1024):>12}"
    kept = f"  {entry.kept}" if entry.kept else ""
    return f"{size} {entry.used_s / DAY_S:6.1f} d  {entry.kind}/{entry.name}{kept}"


def _totals(found: list[Entry], total: int, free: int) -> None:
    kept = sum(entry.size_bytes for entry in found if entry.kept)
    typer.echo(
        f"{len(found)} in all: {mib(total / 1024)}, of which {mib(kept / 1024)} stay; "
        f"{mib(free / 1024)} free on this disk"
    )
