# SPDX-License-Identifier: GPL-2.0-or-later
"""android-image: what an Android image is made of, and whether it would boot here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.common import Json, print_json

if TYPE_CHECKING:
    from harness.build.aosp import Image, ImageKind, Verdict
    from harness.build.aosp.image import OwnKernel


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(no_args_is_help=True, help="A user's own Android image, before it boots.")
    app.add_typer(group, name="android-image")

    # Else typer makes the one command the group itself.
    @group.callback()
    def about() -> None:
        """A user's own Android image, before it boots."""

    @group.command()
    def inspect(
        paths: Annotated[
            list[Path],
            typer.Argument(metavar="PATH...", help="Folders and files of one image."),
        ],
        kind: Annotated[
            str, typer.Option(help="cuttlefish, doma or raw-disk; told by the files if not given.")
        ] = "",
        kernel: Annotated[
            str, typer.Option(help="image: of the boot image; own: the project's; or a path.")
        ] = "image",
        slot: Annotated[str, typer.Option(help="_a or _b; empty for an image without.")] = "_a",
        memory_mib: Annotated[
            int, typer.Option("--memory-mib", help="Judge this size of guest as well; 0: do not.")
        ] = 0,
        verify: Annotated[
            bool, typer.Option("--verify", help="Keep verified boot switched on.")
        ] = False,
        as_json: Json = False,
    ) -> None:
        """Show what an image is made of and whether it would boot as a guest of this Xen.

        Nothing is written. Files are told by what is in them, not by name. Ends with status 2
        when it would not boot.

        harness android-image inspect ~/cuttlefish-arm64/

        harness android-image inspect disk.img --kernel own --json
        """
        from harness.build.aosp import ImageSpec, collect, judge, take_apart
        from harness.build.aosp.lp import SLOTS
        from harness.errors import UsageError
        from harness.progress import step

        if slot not in ("", *SLOTS):
            raise UsageError(f"no slot {slot!r}", where="--slot", hint="_a, _b, or empty")
        with step("android-image: inspect"):
            parts = collect(paths, {})
            chosen = _kind(kind, any(part.role == "disk" for part in parts))
            spec = ImageSpec(chosen, kernel=kernel, slot=slot, verify=verify)
            image = take_apart(spec, parts, _own_kernel() if kernel == "own" else None)
            verdict = judge(image, memory_mib=memory_mib or None)
        if as_json:
            from harness.build.aosp.describe import document

            print_json(document(image, verdict))
            if verdict.problems:
                raise typer.Exit(verdict.problems[0].exit_code)
            return
        _show(image, verdict)
        verdict.require()


def _kind(name: str, has_disk: bool) -> ImageKind:
    from harness.build.aosp import ImageKind
    from harness.errors import UsageError

    if not name:
        return ImageKind.RAW_DISK if has_disk else ImageKind.CUTTLEFISH
    if name not in list(ImageKind):
        raise UsageError(f"no kind {name!r}", where="--kind", hint=f"one of {', '.join(ImageKind)}")
    return ImageKind(name)


def _own_kernel() -> OwnKernel:
    from harness.build.aosp.image import OwnKernel
    from harness.build.artifacts import existing
    from harness.build.kernel import CONFIG

    image = existing().kernel.path
    return OwnKernel(image, image.with_name(CONFIG))


def _show(image: Image, verdict: Verdict) -> None:
    from harness.build.aosp.describe import lines

    for line in lines(image, verdict):
        typer.echo(line)
