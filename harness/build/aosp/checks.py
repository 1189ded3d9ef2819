# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether an image would boot as a guest of this Xen, and if not, why and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.build.aosp import options, ramdisk
from harness.build.aosp.image import Image
from harness.build.aosp.options import lacking
from harness.build.aosp.spec import OF_IMAGE, OWN, ImageKind
from harness.errors import HarnessError, UsageError


@dataclass(frozen=True, slots=True)
class Verdict:
    """What stands in the way, and what is worth knowing; the first problem is the one to raise."""

    problems: tuple[HarnessError, ...]
    notes: tuple[str, ...]

    def require(self) -> None:
        """Raise the first problem, with the others beside it."""
        if self.problems:
            first = self.problems[0]
            others = [f"also: {problem}" for problem in self.problems[1:]]
            raise type(first)(
                first.message,
                where=first.where,
                hint=first.hint,
                context=[*first.context, *others],
            )


def judge(image: Image, *, memory_mib: int | None = None) -> Verdict:
    """All checks.

    memory_mib: of the guest; None when that is not the question
    """
    problems = list(image.problems)
    for check in CHECKS:
        problems += check(image)
    if memory_mib is not None:
        problems += memory(image, memory_mib)
    return Verdict(tuple(problems), tuple(notes(image, memory_mib)))


def complete(image: Image) -> Iterator[UsageError]:
    """Every part is there that this kind of image needs."""
    spec = image.spec
    if spec.kind is ImageKind.RAW_DISK:
        if image.part("disk") is None:
            yield UsageError("no disk", where="image.disk", hint='disk = "/path/of/disk.img"')
        if image.part("boot") is None and spec.kernel == OF_IMAGE:
            yield _no_boot()
        return
    if image.part("boot") is None and (spec.kernel == OF_IMAGE or image.part("init_boot") is None):
        yield _no_boot()
    missing = [] if image.part("super") else ["super.img"]
    if image.boot is not None and image.boot.version >= 3 and image.part("vendor_boot") is None:
        missing.append("vendor_boot.img")
    loose = [part.path.name for part in image.parts if not part.role and "system" in part.path.name]
    if missing and loose:
        yield UsageError(
            f"a GSI {loose[0]} alone is not bootable: no {' and no '.join(missing)}",
            where=spec.dir or "image",
            hint="also give vendor_boot and super of the same target",
        )
    elif missing:
        yield UsageError(
            f"no {' and no '.join(missing)}",
            where=spec.dir or "image",
            hint="give the whole set that the build made for one target",
        )
    if image.super is not None:
        for name in spec.needs.partitions:
            if not any(image.super.partition(f"{name}{suffix}") for suffix in {spec.slot, ""}):
                names = ", ".join(one.name for one in image.super.partitions) or "none"
                yield UsageError(
                    f"super has no partition {name}{spec.slot}; it has {names}",
                    where=str(_path(image, "super")),
                    hint='another slot? slot = "_b", or slot = "" for an image without slots',
                )


def kernel(image: Image) -> Iterator[UsageError]:
    """It can run under Xen, as far as it says how it was configured."""
    found = image.kernel
    if found is None:
        return
    modules = ramdisk.modules(image.ramdisk_files)
    lacks = lacking(found.config, options.XEN, modules) if found.config is not None else ()
    whole = [lack for lack in lacks if lack.option.name == "CONFIG_XEN"]
    if whole or not found.xen:
        yield UsageError(
            f"{found.name} has no CONFIG_XEN: stock GKI cannot run as a Xen guest",
            where=f"Linux {found.version}",
            hint='supply an Image rebuilt with these: kernel = "/path/of/Image"',
            context=[str(lack) for lack in lacks],
        )
        return
    for lack in lacks:
        yield UsageError(
            f"{found.name}: {lack}",
            where=f"Linux {found.version}",
            hint=f"add {lack.option.module}.ko to the vendor ramdisk, or build it in"
            if lack.as_module
            else f"build the kernel with {lack.option.name}=y",
        )


def own_kernel(image: Image) -> Iterator[UsageError]:
    """The project's kernel is made for small guests, not for the init of an AOSP image."""
    spec, found = image.spec, image.kernel
    if spec.kernel != OWN or spec.kind is ImageKind.RAW_DISK or found is None:
        return
    # Modules in the image's ramdisk are of another kernel.
    lacks = lacking(found.config or {}, options.ANDROID, ())
    if lacks:
        yield UsageError(
            f"the project's own kernel does not get a {spec.kind} image past first-stage init",
            where="image.kernel",
            hint='kernel = "image", or the path of an Image with these; "own" is for kind raw-disk',
            context=[str(lack) for lack in lacks],
        )


def machine(image: Image) -> Iterator[UsageError]:
    """Its programs are for this machine."""
    if image.programs is None:
        return
    found = image.programs.machine
    if found and found != "arm64":
        yield UsageError(
            f"its programs are for {found}, and this machine is arm64",
            where="system partition",
            hint="take the arm64 build of the same target",
        )


def pages(image: Image) -> Iterator[UsageError]:
    """The kernel's pages are not larger than what the programs are laid out for."""
    if image.kernel is None or image.programs is None:
        return
    kernel_kib = image.kernel.page_kib or 4
    laid_out = image.programs.alignment_kib or 4
    if kernel_kib > laid_out:
        yield UsageError(
            f"{image.kernel.name} has pages of {kernel_kib} KiB, and the system is built for "
            f"{laid_out} KiB: none of its programs can be loaded",
            where="kernel",
            hint=f"take a kernel with {laid_out} KiB pages (CONFIG_ARM64_{laid_out}K_PAGES)",
        )


def verified_boot(image: Image) -> Iterator[UsageError]:
    """What init would verify is either switched off or as it was signed."""
    spec, found = image.spec, image.vbmeta
    locked = image.parameters.get("androidboot.vbmeta.device_state") == "locked"
    if not spec.verify and locked:
        yield UsageError(
            "androidboot.vbmeta.device_state is locked: init refuses a vbmeta with verification "
            "switched off",
            where="command line or bootconfig",
            hint='bootconfig_extra = ["androidboot.vbmeta.device_state=unlocked"]',
        )
    if spec.verify and found is None:
        yield UsageError(
            "nothing to verify: there is no vbmeta.img", where="image.verify", hint="verify = false"
        )
    if spec.verify and found is not None and found.chained:
        yield UsageError(
            f"vbmeta is a locked chain ({', '.join(found.chained)} have vbmeta of their own), "
            "whose digest only a boot loader knows",
            where=str(_path(image, "vbmeta")),
            hint="verify = false switches verification off, in a copy",
        )


def memory(image: Image, memory_mib: int) -> Iterator[UsageError]:
    """The guest has what an image of this kind needs at least."""
    least = image.spec.needs.smallest_mib
    if memory_mib < least:
        yield UsageError(
            f"{memory_mib} MiB: no {image.spec.kind} image boots in less than {least} MiB",
            where="memory_mib",
            hint=f"memory_mib = {image.spec.needs.usual_mib}",
        )


CHECKS: tuple[Callable[[Image], Iterator[UsageError]], ...] = (
    complete,
    kernel,
    own_kernel,
    machine,
    pages,
    verified_boot,
)


def notes(image: Image, memory_mib: int | None = None) -> Iterator[str]:
    """What is worth knowing and stands in nobody's way."""
    for part in image.parts:
        if part.sparse and part.role:
            yield f"{part.path.name} is sparse: it is unpacked into the guest's disk"
        if not part.role and part.path.suffix == ".img":
            yield f"{part.path.name} ({part.format}) is not used"
    usual = image.spec.needs.usual_mib
    if memory_mib is not None and image.spec.needs.smallest_mib <= memory_mib < usual:
        yield f"{memory_mib} MiB is little: {image.spec.kind} images are made for {usual} MiB"
    if image.kernel is not None and image.kernel.config is None:
        yield (
            f"{image.kernel.name} carries no configuration (CONFIG_IKCONFIG): whether it has Xen's "
            "front ends only booting it tells"
        )
    if image.kernel is not None and image.kernel.config is not None:
        modules = ramdisk.modules(image.ramdisk_files)
        wanted = list(options.WORTH_A_NOTE)
        if image.spec.kind is not ImageKind.RAW_DISK:
            wanted = [*options.ANDROID, *wanted]
        wanted += [
            option for name, option in options.FILE_SYSTEMS.items()
            if name in image.file_systems.values()
        ]  # fmt: skip
        for lack in lacking(image.kernel.config, wanted, modules):
            yield f"{image.kernel.name}: {lack}"
    if image.programs is not None and not image.programs.machines:
        yield "for which processor its programs are cannot be seen (compressed file system?)"
    if image.vbmeta is not None and image.vbmeta.verifies and not image.spec.verify:
        yield "verified boot is switched off, in a copy of vbmeta"
    if image.spec.kernel == OWN and image.kernel is None:
        yield "the project's kernel is not built: harness build kernel"


def _no_boot() -> UsageError:
    return UsageError(
        "no boot image",
        where="image.dir or image.boot",
        hint='dir = "/folder/of/the/images", or boot = "/path/of/boot.img"',
    )


def _path(image: Image, role: str) -> str:
    part = image.part(role)
    return str(part.path) if part else role
