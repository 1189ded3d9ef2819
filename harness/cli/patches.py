# SPDX-License-Identifier: GPL-2.0-or-later
"""patches: check and export our part of Xen."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.common import Json, print_json

if TYPE_CHECKING:
    from harness.build.xen import XenSource
    from harness.patches.elsewhere import Report
    from harness.patches.series import Series

Offline = Annotated[bool, typer.Option("--offline", help="Fail rather than fetch anything.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(no_args_is_help=True, help="Our part of Xen: in order, and for the list.")
    app.add_typer(group, name="patches")

    @group.command()
    def check(
        all_steps: Annotated[
            bool, typer.Option("--all-steps", help="Compile every step, not what has changed.")
        ] = False,
        full: Annotated[
            bool,
            typer.Option(
                "--full",
                help="Every step, arm32 and x86, and that nothing changes without the controller.",
            ),
        ] = False,
        compiles: Annotated[
            bool, typer.Option("--compile/--no-compile", help="Compile steps that have changed.")
        ] = True,
        xen: Annotated[
            str,
            typer.Option(
                metavar="DIR|VERSION|newest",
                help="Another Xen: does the series apply there, and compile?",
            ),
        ] = "",
        offline: Offline = False,
        as_json: Json = False,
    ) -> None:
        """Look at all of the series: applies without fuzz, style, same tree by mail, compiles.

        What compiled once is remembered: only steps that have changed since are compiled.

        harness patches check

        harness patches check --full          (a quarter of an hour; needs doctor --with arm32)

        harness patches check --xen newest    (or 4.20, or a folder)
        """
        from harness.build.artifacts import Graph
        from harness.errors import UsageError
        from harness.patches import series
        from harness.patches.whole import check_all

        if xen and (full or all_steps):
            raise UsageError("--xen goes without --full and --all-steps", where="--xen")
        source = Graph(offline=offline).xen_source
        loaded = series.load()
        if xen:
            _elsewhere(loaded, source, xen, offline=offline, compiles=compiles, as_json=as_json)
            return
        found = check_all(loaded, source, all_steps=all_steps, full=full, compiles=compiles)
        if as_json:
            print_json(asdict(found))
            return
        for remark in found.report.remarks:
            typer.echo(f"remark: {remark}")
        typer.echo(
            f"{found.report.patches} patches apply ({found.report.changed_lines} lines of Xen's "
            f"own files), {found.report.files} new files, {found.report.imports} from Linux"
        )
        typer.echo(f"{found.mails} mails make the tree that is built")
        for kind, count in found.compiled.items():
            typer.echo(f"{kind}: {count} steps compile, {found.new[kind]} of them looked at now")
        if full:
            typer.echo(
                f"without the controller the {found.unchanged_bytes} bytes of Xen are those of "
                f"the {found.stand_alone} stand-alone patches"
            )

    @group.command()
    def export(
        out: Annotated[Path, typer.Argument(help="Folder for the series.")] = Path("build/series"),
        offline: Offline = False,
        as_json: Json = False,
    ) -> None:
        """Write patches, new files and imports as one git format-patch series.

        The author is who git says you are; nothing is signed off.

        harness patches export /tmp/series
        """
        from harness.build.artifacts import Graph
        from harness.patches import check as checking
        from harness.patches import export as exporting
        from harness.patches import series
        from harness.progress import step

        source = Graph(offline=offline).xen_source
        loaded = series.load()
        with step("patches: export"):
            checking.check(loaded, source.tarball)
            written = exporting.export(loaded, source.tarball, source.linux_files.path, out)
        if as_json:
            print_json([str(path) for path in written])
        else:
            typer.echo("\n".join(map(str, written)))


def _elsewhere(
    loaded: Series, source: XenSource, xen: str, *, offline: bool, compiles: bool, as_json: bool
) -> None:
    from harness.errors import HypervisorError
    from harness.patches import elsewhere
    from harness.patches.kinds import arm64

    kinds = [arm64(controller=False), arm64(controller=True)] if compiles else []
    with elsewhere.other(xen, offline=offline) as there:
        report = elsewhere.look(loaded, source, there, kinds)
    if as_json:
        print_json(asdict(report) | {"good": report.good})
    else:
        _tell(report)
    if not report.good:
        raise HypervisorError(
            f"the series does not fit Xen {report.xen}",
            where="patches check --xen",
            hint="the table says where; the pinned source is not concerned",
        )


def _tell(report: Report) -> None:
    typer.echo(f"Xen {report.xen}")
    for one in report.patches:
        failed = f"  {', '.join(one.failed)}" if one.failed else ""
        typer.echo(f"{one.how:8} {one.patch}{failed}")
    for name in report.taken:
        typer.echo(f"taken    {name}: this Xen has a file of that name")
    for kind, said in report.compiled.items():
        typer.echo(f"{kind}: {said}")
