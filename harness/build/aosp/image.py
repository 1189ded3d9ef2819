# SPDX-License-Identifier: GPL-2.0-or-later
"""An image as a whole: its files, taken apart.

``take_apart`` finds what is there and notes what cannot be read; whether it would boot, ``checks``
says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from harness.build import kconfig
from harness.build.aosp import arguments, bootconfig, bootimg, gpt, lp, ramdisk, vbmeta
from harness.build.aosp.formats import FILE_SYSTEMS, identify
from harness.build.aosp.kernel import Kernel, read_kernel
from harness.build.aosp.machine_code import Programs, programs
from harness.build.aosp.parts import Part, collect
from harness.build.aosp.source import Pieces, Source, open_file
from harness.build.aosp.spec import OF_IMAGE, OWN, ImageSpec
from harness.errors import HarnessError, UsageError

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class OwnKernel:
    """The project's kernel, and the configuration that it was built with."""

    image: Path
    config: Path


@dataclass(frozen=True, slots=True)
class Image:
    """What an image is made of; None for what it has not.

    ramdisks:    name and content, in the order in which they are unpacked
    ramdisk_files: names of the files in all of them
    words:       command line for the kernel, word by word
    parameters:  for init, by name: of the images and of the harness
    programs:    in the system partition or the disk
    problems:    why it would not boot, as the errors that booting it would raise
    """

    spec: ImageSpec
    parts: tuple[Part, ...]
    boot: bootimg.BootImage | None = None
    init_boot: bootimg.BootImage | None = None
    vendor_boot: bootimg.VendorBoot | None = None
    super: lp.Super | None = None
    vbmeta: vbmeta.VbMeta | None = None
    kernel: Kernel | None = None
    ramdisks: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    ramdisk_files: frozenset[str] = field(default=frozenset(), repr=False)
    words: tuple[str, ...] = ()
    parameters: dict[str, str] = field(default_factory=dict)
    programs: Programs | None = None
    file_systems: dict[str, str] = field(default_factory=dict)
    problems: tuple[HarnessError, ...] = ()

    def part(self, role: str) -> Part | None:
        """The file for this."""
        return next((part for part in self.parts if part.role == role), None)


def open_image(spec: ImageSpec, own: OwnKernel | None) -> Image:
    """The image of a profile.

    own: None where the project's kernel is not built
    Raises UsageError when its files cannot even be told apart; else see ``Image.problems``.
    """
    named = {role: Path(path) for role, path in spec.files.items()}
    folders = [Path(spec.dir)] if spec.dir else []
    for folder in folders:
        if not folder.is_dir():
            raise UsageError("no such folder", where=f"{folder}: image.dir")
    return take_apart(spec, collect(folders, named), own)


def take_apart(spec: ImageSpec, parts: Sequence[Part], own: OwnKernel | None) -> Image:
    """All that can be read of these files."""
    return _Reader(Image(spec, tuple(parts)), own).read()


class _Reader:
    """Reads part after part; one that is damaged does not hide what is wrong with others."""

    def __init__(self, image: Image, own: OwnKernel | None) -> None:
        self._image = image
        self._own = own
        self._problems: list[HarnessError] = []

    def read(self) -> Image:
        image = self._image
        image = replace(
            image,
            boot=self._parsed("boot", bootimg.parse_boot),
            init_boot=self._parsed("init_boot", bootimg.parse_boot),
            vendor_boot=self._parsed("vendor_boot", bootimg.parse_vendor_boot),
            super=self._parsed("super", self._super),
            vbmeta=self._parsed("vbmeta", vbmeta.parse),
        )
        self._image = image
        image = replace(image, kernel=self._try(self._kernel))
        ramdisks = self._try(self._ramdisks) or ()
        names: frozenset[str] = frozenset()
        for name, content in ramdisks:
            names |= self._try(partial(ramdisk.check, content, name=name)) or frozenset()
        words, parameters = self._try(self._arguments) or ((), {})
        file_systems = self._try(self._file_systems) or {}
        system = self._try(self._system)
        return replace(
            image,
            ramdisks=ramdisks,
            ramdisk_files=names,
            words=words,
            parameters=parameters,
            file_systems={name: str(identify(source)) for name, source in file_systems.items()},
            programs=self._try(lambda: programs(system)) if system is not None else None,
            problems=tuple(self._problems),
        )

    def _try(self, read: Callable[[], _T]) -> _T | None:
        try:
            return read()
        except HarnessError as error:
            self._problems.append(error)
            return None

    def _parsed(self, role: str, parse: Callable[[Source], _T]) -> _T | None:
        part = self._image.part(role)
        return self._try(lambda: parse(part.source)) if part else None

    def _super(self, source: Source) -> lp.Super:
        return lp.parse(source, max(0, lp.SLOTS.index(self._image.spec.slot or "_a")))

    def _kernel(self) -> Kernel | None:
        chosen = self._image.spec.kernel
        if chosen == OWN:
            if self._own is None:
                return None
            content = open_file(self._own.image)
            found = read_kernel(content.read(0, content.size), name="the project's kernel")
            return replace(found, config=kconfig.load(self._own.config))
        if chosen != OF_IMAGE:
            file = open_file(Path(chosen))
            return read_kernel(file.read(0, file.size), name=file.name)
        boot, part = self._image.boot, self._image.part("boot")
        if boot is None or part is None:
            return None
        name = f"kernel in {part.path.name}"
        return read_kernel(part.source.read(boot.kernel.offset, boot.kernel.size), name=name)

    def _ramdisks(self) -> tuple[tuple[str, bytes], ...]:
        """Of vendor_boot, then the generic one: what comes later is laid over what was before."""
        image = self._image
        found = []
        vendor = image.part("vendor_boot")
        if image.vendor_boot is not None and vendor is not None:
            for one in image.vendor_boot.ramdisks:
                if one.kind != bootimg.Fragment.RECOVERY:
                    content = vendor.source.read(one.part.offset, one.part.size)
                    found.append(
                        (f"ramdisk {one.name}".strip() + f" in {vendor.path.name}", content)
                    )
        for role, header in (("init_boot", image.init_boot), ("boot", image.boot)):
            part = image.part(role)
            if header is not None and part is not None and header.ramdisk.size:
                content = part.source.read(header.ramdisk.offset, header.ramdisk.size)
                found.append((f"ramdisk in {part.path.name}", content))
                break
        return tuple(one for one in found if one[1])

    def _arguments(self) -> tuple[tuple[str, ...], dict[str, str]]:
        image = self._image
        words: list[str] = []
        parameters = dict(image.spec.needs.parameters)
        lines = [
            image.boot.cmdline if image.boot else "",
            image.vendor_boot.cmdline if image.vendor_boot else "",
            " ".join(image.spec.cmdline_extra),
        ]
        vendor = image.part("vendor_boot")
        if image.vendor_boot is not None and vendor is not None:
            place = image.vendor_boot.bootconfig
            text = vendor.source.read(place.offset, place.size).decode("utf-8", "backslashreplace")
            parameters |= bootconfig.parse(text, name=f"bootconfig in {vendor.path.name}")
        sealed = image.part("vbmeta")
        if image.spec.verify and sealed and image.vbmeta and not image.vbmeta.chained:
            parameters |= vbmeta.parameters(sealed.source)
        given = arguments.given(image.spec)
        for line in lines[:2]:
            kernel, android = arguments.split(line)
            words += kernel
            parameters |= android
        parameters |= given
        kernel, android = arguments.split(lines[2])
        words += [word for word in kernel if word != "bootconfig"]
        return tuple(word for word in words if word != "bootconfig"), parameters | android

    def _file_systems(self) -> dict[str, Source]:
        """Content of each partition, by name."""
        image = self._image
        part = image.part("super")
        found: dict[str, Source] = {}
        if image.super is not None and part is not None:
            for one in image.super.partitions:
                if one.size:
                    found[one.name] = lp.contents(part.source, one)
        disk = image.part("disk")
        if disk is not None:
            if disk.format in FILE_SYSTEMS:
                found["disk"] = disk.source
            else:
                for place in gpt.parse(disk.source).partitions:
                    pieces = ((place.start, place.size),)
                    name = f"{disk.source.name}: {place.name}"
                    found[place.name] = Pieces(disk.source, name, pieces)
        return found

    def _system(self) -> Source | None:
        """Where the programs are: the partition called system, or the first with a file system."""
        found = self._file_systems()
        slot = self._image.spec.slot
        for name in (f"system{slot}", "system", "disk"):
            if name in found:
                return found[name]
        return next((one for one in found.values() if identify(one) in FILE_SYSTEMS), None)
