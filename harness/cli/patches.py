# SPDX-License-Identifier: GPL-2.0-or-later
"""patches: check and export our part of Xen."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.common import Json, print_json

Offline = Annotated[bool, typer.Option("--offline", help="Fail rather than fetch anything.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(no_args_is_help=True, help="Our part of Xen: in order, and for the list.")
    app.add_typer(group, name="patches")

    @group.command()
    def check(offline: Offline = False, as_json: Json = False) -> None:
        """Apply the series to the pinned Xen without fuzz, and look at all of it.

        harness patches check
        """
        from harness.build.artifacts import Graph
        from harness.patches import check as checking
        from harness.patches import series
        from harness.progress import step

        inputs = Graph(offline=offline)
        tarball = inputs.xen_source.tarball
        with step("patches: check"):
            report = checking.check(series.load(), tarball)
        if as_json:
            print_json(asdict(report))
            return
        for remark in report.remarks:
            typer.echo(f"remark: {remark}")
        typer.echo(
            f"{report.patches} patches apply ({report.changed_lines} lines of Xen's own files), "
            f"{report.files} new files, {report.imports} from Linux"
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
