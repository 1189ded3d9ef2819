# SPDX-License-Identifier: GPL-2.0-or-later
"""A user's own Android image as a guest: read, judged, and made into kernel, ramdisk and disk.

    image = open_image(spec, own_kernel)        what it is made of
    judge(image, memory_mib=2048).require()     whether it would boot, else the error that says why
    assemble(image, folder, "phone")            what a guest is started with

One format a module: bootimg, sparse, lp (super), vbmeta, gpt, kernel, ramdisk, bootconfig. They
read through a Source, which refuses what a lying header asks for.
"""

from harness.build.aosp.assemble import Bootable, assemble
from harness.build.aosp.checks import Verdict, judge
from harness.build.aosp.image import Image, OwnKernel, open_image, take_apart
from harness.build.aosp.parts import Part, collect
from harness.build.aosp.spec import ImageKind, ImageSpec

__all__ = [  # noqa: RUF022  most important first
    "open_image",
    "judge",
    "assemble",
    "take_apart",
    "collect",
    "Image",
    "ImageKind",
    "ImageSpec",
    "Verdict",
    "Bootable",
    "OwnKernel",
    "Part",
]
