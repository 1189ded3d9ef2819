# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel: for which machine it is, the size of its pages, its configuration if it carries one.

The header is Documentation/arch/arm64/booting.rst of Linux, the configuration kernel/configs.c
(CONFIG_IKCONFIG).
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.build.aosp.compression import unpack
from harness.build.aosp.formats import Format, identify_head
from harness.build.aosp.source import damaged
from harness.build.kconfig import parse as parse_config
from harness.errors import UsageError

LARGEST_KERNEL = 192 << 20
LARGEST_CONFIG = 4 << 20
_HEADER = struct.Struct("<8x2QQ24xI")
_PAGE_KIB = {0: None, 1: 4, 2: 16, 3: 64}
_VERSION = re.compile(rb"Linux version (\S{1,80}) ")
_START, _END = b"IKCFG_ST", b"IKCFG_ED"
# What arch/arm/xen/enlighten.c looks for in the device tree: no kernel with CONFIG_XEN is without.
_XEN_NODE = b"xen,xen"


@dataclass(frozen=True, slots=True)
class Kernel:
    """An arm64 kernel.

    content:  as it is loaded, unpacked
    page_kib: size of its pages; None when the header does not say
    xen:      it looks for Xen in its device tree; else it was built without CONFIG_XEN for certain
    config:   of its build, by option; None when it carries none
    """

    name: str
    content: bytes = field(repr=False)
    version: str
    page_kib: int | None
    xen: bool
    config: Mapping[str, str] | None = field(repr=False)


def read_kernel(content: bytes, *, name: str) -> Kernel:
    """A kernel, packed or not. Raises UsageError when it is none that runs on arm64."""
    unpacked = unpack(content, name=name, limit=LARGEST_KERNEL)
    found = identify_head(unpacked)
    if found is Format.X86_KERNEL:
        raise UsageError(
            "is a kernel for x86: this machine is arm64",
            where=name,
            hint="take the arm64 build of the same target (vsoc_arm64_only, not vsoc_x86_64)",
        )
    if found is not Format.ARM64_KERNEL:
        raise UsageError(
            f"is no arm64 kernel Image: it is {found.phrase}",
            where=name,
            hint="give arch/arm64/boot/Image, or Image.gz or Image.lz4",
        )
    if len(unpacked) < _HEADER.size + 4:
        raise damaged("is cut off: shorter than the header of a kernel", where=name)
    _, _, flags, _ = _HEADER.unpack(unpacked[: _HEADER.size])
    if flags & 1:
        raise UsageError("is a big-endian kernel", where=name, hint="build it little-endian")
    said = _VERSION.search(unpacked)
    version = said[1].decode("ascii", "replace") if said else "unknown"
    page_kib = _PAGE_KIB[flags >> 1 & 3]
    config = read_config(unpacked, name=name)
    return Kernel(name, unpacked, version, page_kib, _XEN_NODE in unpacked, config)


def read_config(kernel: bytes, *, name: str) -> Mapping[str, str] | None:
    """The configuration in an unpacked kernel. Raises UsageError when it is damaged."""
    start = kernel.find(_START)
    if start < 0:
        return None
    decoder = zlib.decompressobj(31)
    try:
        text = decoder.decompress(kernel[start + len(_START) :], LARGEST_CONFIG)
    except zlib.error as error:
        raise damaged(f"its configuration is damaged: {error}", where=name) from error
    if not decoder.eof or decoder.unused_data[: len(_END)] != _END:
        raise damaged("its configuration is damaged: it does not end", where=name)
    return parse_config(text.decode("utf-8", "replace"))
