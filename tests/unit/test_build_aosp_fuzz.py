# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever bytes an image has: a result or our error, never a traceback, and never for long.

hypothesis's own deadline bounds the time of each case; what a case may hold in memory is bounded
by the sources' LARGEST_READ and the unpackers' limits, which have tests of their own.
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.build.aosp import bootconfig, bootimg, gpt, lp, ramdisk, sparse, vbmeta
from harness.build.aosp.arguments import split
from harness.build.aosp.formats import described
from harness.build.aosp.kernel import read_kernel
from harness.build.aosp.machine_code import programs
from harness.build.aosp.source import Bytes, Source
from harness.errors import UsageError
from tests.unit import aosp_images as images

FEW = settings(max_examples=150, deadline=2000, suppress_health_check=[HealthCheck.too_slow])


def _sparse(source: Source) -> None:
    found = sparse.parse(source)
    found.read(0, min(found.size, 1 << 20))
    for chunk in found.data():
        found.read(chunk.start, min(chunk.size, 4096))


def _super(source: Source) -> None:
    for one in lp.parse(source).partitions:
        content = lp.contents(source, one)
        content.read(0, min(content.size, 1 << 16))


def _sparse_image() -> bytes:
    """Two blocks of data, a filled one and a hole, and a checksum."""
    head = struct.pack("<I4H4I", 0xED26FF3A, 1, 0, 28, 12, 4096, 8, 4, 0)
    chunks = struct.pack("<2H2I", 0xCAC1, 0, 2, 12 + 8192) + b"r" * 8192
    chunks += struct.pack("<2H2I", 0xCAC2, 0, 1, 16) + b"fill"
    chunks += struct.pack("<2H2I", 0xCAC3, 0, 5, 12)
    return head + chunks + struct.pack("<2H2I", 0xCAC4, 0, 0, 16) + b"crc3"


def _disk() -> bytes:
    layout = gpt.lay_out([("a", 4096), ("b", 4096)])
    return b"".join(table for _, table in gpt.tables(layout)[:1])


READERS: dict[str, tuple[Callable[[Source], object], bytes]] = {
    "boot 0": (bootimg.parse_boot, b"ANDROID!".ljust(4096 * 3, b"\0")),
    "boot 4": (bootimg.parse_boot, images.boot_v4(b"k" * 5000, b"r" * 300, cmdline="quiet")),
    "boot 2": (bootimg.parse_boot, images.boot_v2(b"k" * 5000, b"r" * 300, b"s" * 9, b"d" * 5000)),
    "boot 3": (bootimg.parse_boot, images.boot_v4(b"k" * 5000, b"r" * 300, version=3)),
    "vendor boot": (
        bootimg.parse_vendor_boot,
        images.vendor_boot({"": b"r" * 5000, "dlkm": b"d"}, bootconfig="a=1"),
    ),
    "sparse": (_sparse, _sparse_image()),
    "super": (_super, images.super_image({"system_a": b"s" * 5000, "vendor_a": b"v"})),
    "vbmeta": (vbmeta.parse, images.vbmeta(chained=["boot", "vbmeta_system"])),
    "gpt": (gpt.parse, _disk()),
    "kernel": (lambda s: read_kernel(s.read(0, s.size), name="k"), images.kernel()[:4096]),
    "packed kernel": (
        lambda s: read_kernel(s.read(0, s.size), name="k"),
        gzip.compress(images.kernel()),
    ),
    "ramdisk": (
        lambda s: ramdisk.check(s.read(0, s.size), name="r"),
        images.ramdisk("init", "a/b"),
    ),
    "programs": (programs, images.file_system(blocks=8)),
    "magic": (described, bytes(5000)),
}
# Bytes that lie about sizes: what is at the edges of the numbers that headers hold.
EDGES = [
    b"\0",
    b"\xff" * 4,
    b"\xff" * 8,
    b"\0\0\0\x80",
    b"\xff\xff\xff\x7f",
    b"\1\0\0\0",
    b"\0\0\1\0",
]


@pytest.mark.parametrize("name", READERS)
@FEW
@given(content=st.binary(max_size=20_000))
def test_any_bytes_are_read_or_refused(name: str, content: bytes) -> None:
    read, valid = READERS[name]
    with suppress(UsageError):
        read(Bytes(content))
    with suppress(UsageError):  # the same behind a good beginning
        read(Bytes(valid[:8] + content))


@pytest.mark.parametrize("name", READERS)
@FEW
@given(data=st.data())
def test_an_image_that_was_tampered_with_is_read_or_refused(name: str, data: st.DataObject) -> None:
    read, valid = READERS[name]
    image = bytearray(valid)
    for _ in range(data.draw(st.integers(1, 6))):
        # Mostly the header, where all numbers are.
        reach = data.draw(st.sampled_from([64, 512, 4600, len(image)]))
        at = data.draw(st.integers(0, min(reach, len(image)) - 1))
        new = data.draw(st.one_of(st.sampled_from(EDGES), st.binary(min_size=1, max_size=8)))
        image[at : at + len(new)] = new[: len(image) - at]
    end = data.draw(st.sampled_from([len(image), len(image) // 2, len(image) - 1]))
    with suppress(UsageError):
        read(Bytes(bytes(image[:end])))


u32 = st.one_of(st.integers(0, 3), st.sampled_from([2**31, 2**32 - 1]), st.integers(0, 2**32 - 1))
u64 = st.one_of(u32, st.sampled_from([2**63, 2**64 - 1]))
name36 = st.binary(max_size=36)
partition = st.builds(struct.Struct("<36s4I").pack, name36, u32, u32, u32, u32)
extent = st.builds(struct.Struct("<QIQI").pack, u64, u32, u64, u32)
group = st.builds(struct.Struct("<36sIQ").pack, name36, u32, u64)
device = st.builds(struct.Struct("<QIIQ36sI").pack, u64, u32, u32, u64, name36, u32)


@FEW
@given(
    *[st.lists(row, max_size=4).map(b"".join) for row in (partition, extent, group, device)],
    st.integers(0, 3),
)
def test_tables_of_partitions_with_right_checksums_and_wrong_numbers(
    partitions: bytes, extents: bytes, groups: bytes, devices: bytes, minor: int
) -> None:
    metadata = images.lp_metadata(partitions, extents, groups, devices, minor=minor)
    good = bytearray(images.super_image({"system_a": b"s" * 5000}))
    good[12288 : 12288 + 16384] = metadata.ljust(16384, b"\0")
    with suppress(UsageError):
        _super(Bytes(bytes(good)))


@FEW
@given(st.text(max_size=300), st.text(alphabet="ab.={};,#'\"+:\n ", max_size=60))
def test_any_text_is_a_bootconfig_or_refused(free: str, likely: str) -> None:
    for text in (free, likely):
        with suppress(UsageError):
            bootconfig.render(bootconfig.parse(text, name="b"))
        split(text)
