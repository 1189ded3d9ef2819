# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests that are users' own Android images: what they are started with, by the names under which
a testbed's artifacts are known (NAME.kernel, NAME.ramdisk, NAME.cmdline, NAME.disk)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.build.aosp import OwnKernel, assemble, judge, open_image
from harness.build.aosp.spec import OF_IMAGE, OWN, ImageSpec
from harness.build.kernel import CONFIG
from harness.config.model import Profile
from harness.errors import HarnessError
from harness.progress import step, warn


@dataclass(frozen=True, slots=True)
class Payload:
    """What a guest is started with, but for its disk."""

    kernel: Path
    ramdisk: Path | None
    cmdline: str


def disk(name: str) -> str:
    """Name of the artifact that is the disk of a guest."""
    return f"{name}.disk"


def digests(profile: Profile) -> dict[str, str]:
    """What each image is made of, as far as a look at its files tells, by the guest's name."""
    found = {}
    for guest in profile.guests.values():
        if guest.image is not None:
            looks = [_look(path) for path in _paths(guest.image)]
            text = json.dumps([asdict(guest.image), looks], sort_keys=True)
            found[f"{guest.name}.image"] = hashlib.sha256(text.encode()).hexdigest()[:16]
    return found


def prepare(profile: Profile, folder: Path, files: Mapping[str, str]) -> dict[str, str]:
    """Read, judge and assemble every image into the testbed's folder; artifacts by name.

    files: artifacts that are built, for the project's own kernel
    Raises the error that says why an image would not boot.
    """
    made: dict[str, str] = {}
    for guest in profile.guests.values():
        if guest.image is None:
            continue
        with step(f"image: {guest.name}") as progress, _of_guest(guest.name):
            kernel = Path(files["kernel"])
            image = open_image(guest.image, OwnKernel(kernel, kernel.with_name(CONFIG)))
            verdict = judge(image, memory_mib=guest.memory_mib)
            verdict.require()
            for note in verdict.notes:
                warn(f"{guest.name}: {note}")
            bootable = assemble(image, folder, guest.name, say=progress.note)
        words = folder / f"{guest.name}.cmdline"
        words.write_text(bootable.cmdline, encoding="utf-8")
        made[f"{guest.name}.kernel"] = str(bootable.kernel)
        made[f"{guest.name}.cmdline"] = str(words)
        made[disk(guest.name)] = str(bootable.disk)
        if bootable.ramdisk is not None:
            made[f"{guest.name}.ramdisk"] = str(bootable.ramdisk)
    return made


def payloads(profile: Profile, files: Mapping[str, Path]) -> dict[str, Payload]:
    """What ``prepare`` made, by the guest's name."""
    return {
        guest.name: Payload(
            files[f"{guest.name}.kernel"],
            files.get(f"{guest.name}.ramdisk"),
            files[f"{guest.name}.cmdline"].read_text(encoding="utf-8"),
        )
        for guest in profile.guests.values()
        if guest.image is not None
    }


@contextmanager
def _of_guest(name: str) -> Iterator[None]:
    """Errors of an image name its guest."""
    try:
        yield
    except HarnessError as error:
        error.where = f"guests.{name}.image: {error.where}"
        raise


def _paths(spec: ImageSpec) -> list[Path]:
    folder = Path(spec.dir) if spec.dir else None
    inside = sorted(folder.iterdir()) if folder is not None and folder.is_dir() else []
    own = [] if spec.kernel in (OWN, OF_IMAGE) else [Path(spec.kernel)]
    return [*inside, *map(Path, spec.files.values()), *own]


def _look(path: Path) -> tuple[str, int, int]:
    try:
        status = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), status.st_size, status.st_mtime_ns
