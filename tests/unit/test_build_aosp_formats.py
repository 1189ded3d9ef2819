# SPDX-License-Identifier: GPL-2.0-or-later
"""Readers of image formats, against what Debian's tools and another reader make of them."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import liblp
import pytest

from harness.build.aosp import bootimg, gpt, lp, sparse, vbmeta
from harness.build.aosp.formats import Format, identify, identify_head
from harness.build.aosp.source import Bytes, Pieces, open_file
from harness.errors import UsageError
from tests.unit import aosp_images as images

LINE = "console=hvc0 androidboot.hardware=test " + " ".join(f"word{n}=1" for n in range(90))


def part(source: Bytes, place: bootimg.Part) -> bytes:
    return source.read(place.offset, place.size)


def mkbootimg(folder: Path, version: int, **files: bytes) -> tuple[Bytes, Bytes | None]:
    """Debian's tool: a boot image and, from version 3 on, a vendor boot image."""
    argv: list[str | Path] = ["mkbootimg", "--header_version", str(version), "--cmdline", LINE]
    for name, content in files.items():
        (folder / name).write_bytes(content)
        argv += [f"--{name}", folder / name]
    argv += ["--output", folder / "boot.img"]
    if version >= 3:
        argv += ["--vendor_boot", folder / "vendor_boot.img", "--vendor_cmdline", LINE]
    images.tool(*argv)
    vendor = folder / "vendor_boot.img"
    boot = Bytes((folder / "boot.img").read_bytes())
    return boot, Bytes(vendor.read_bytes()) if vendor.exists() else None


@pytest.mark.parametrize("version", [0, 1, 2])
def test_boot_images_of_mkbootimg_come_apart_as_they_were_put_together(
    tmp_path: Path, version: int
) -> None:
    files = {"kernel": b"K" * 5001, "ramdisk": b"R" * 4096, "second": b"S" * 3}
    if version == 2:
        files["dtb"] = b"D" * 100
    boot, _ = mkbootimg(tmp_path, version, **files)
    found = bootimg.parse_boot(boot)
    assert (found.version, found.cmdline) == (version, LINE)
    for name, content in files.items():
        assert part(boot, getattr(found, name)) == content


def test_boot_and_vendor_boot_images_of_version_3_come_apart(tmp_path: Path) -> None:
    files = {"kernel": b"K" * 5001, "ramdisk": b"R" * 9, "vendor_ramdisk": b"V" * 4097}
    boot, vendor = mkbootimg(tmp_path, 3, dtb=b"D" * 7, **files)
    found = bootimg.parse_boot(boot)
    assert (found.version, found.cmdline) == (3, LINE)
    assert part(boot, found.kernel) == files["kernel"]
    assert part(boot, found.ramdisk) == files["ramdisk"]
    assert vendor is not None
    other = bootimg.parse_vendor_boot(vendor)
    assert (other.version, other.cmdline) == (3, LINE)
    assert part(vendor, other.ramdisks[0].part) == files["vendor_ramdisk"]
    assert part(vendor, other.dtb) == b"D" * 7


def test_version_4_has_several_vendor_ramdisks_and_a_bootconfig() -> None:
    text = "androidboot.hardware=test\n"
    ramdisks = {"": b"first" * 1000, "dlkm": b"second" * 999}
    vendor = Bytes(images.vendor_boot(ramdisks, cmdline=LINE, bootconfig=text))
    found = bootimg.parse_vendor_boot(vendor)
    assert [one.name for one in found.ramdisks] == ["", "dlkm"]
    assert [part(vendor, one.part) for one in found.ramdisks] == list(ramdisks.values())
    assert part(vendor, found.bootconfig).decode() == text
    boot = Bytes(images.boot_v4(b"", b"generic"))
    init = bootimg.parse_boot(boot)
    assert init.kernel.size == 0
    assert part(boot, init.ramdisk) == b"generic"


def test_a_newer_header_and_another_file_are_refused_by_name() -> None:
    newer = Bytes(images.boot_v4(b"k", b"r", version=5), "boot.img")
    with pytest.raises(UsageError, match="header version 5 is unknown") as caught:
        bootimg.parse_boot(newer)
    assert caught.value.where == "boot.img"
    with pytest.raises(UsageError, match="not an Android boot image: it is a gzip file"):
        bootimg.parse_boot(Bytes(gzip.compress(b"x" * 100)))
    with pytest.raises(UsageError, match="not a vendor boot image: it is an Android boot image"):
        bootimg.parse_vendor_boot(newer)
    with pytest.raises(UsageError, match=r"unknown .it begins with 73 6f 6d 65"):
        bootimg.parse_boot(Bytes(b"some text that is no image"))


def test_a_boot_image_that_is_cut_off_is_refused() -> None:
    whole = images.boot_v4(b"K" * 9000, b"R" * 9000)
    with pytest.raises(UsageError, match="its ramdisk ends at 25384, the file at 20000"):
        bootimg.parse_boot(Bytes(whole[:20000]))


def raw_image(size: int = 200 * 4096) -> bytes:
    """Blocks of noise, zeros and repeated words."""
    noise = random.Random(7)
    blocks = [noise.randbytes(4096), bytes(4096), b"\xaa\xbb\xcc\xdd" * 1024, noise.randbytes(4096)]
    return b"".join(noise.choice(blocks) for _ in range(size // 4096))


def test_a_sparse_image_reads_as_what_it_was_made_from(tmp_path: Path) -> None:
    content = raw_image()
    (tmp_path / "raw").write_bytes(content)
    source = open_file(images.sparse(tmp_path / "raw", tmp_path / "sparse.img"))
    assert identify(source) is Format.SPARSE
    found = sparse.parse(source)
    assert found.size == len(content)
    assert found.read(0, found.size) == content
    chosen = random.Random(1)
    for _ in range(200):
        offset = chosen.randrange(len(content))
        size = chosen.randrange(1, min(20000, len(content) - offset + 1))
        assert found.read(offset, size) == content[offset : offset + size]
    (tmp_path / "sparse.img").write_bytes((tmp_path / "sparse.img").read_bytes()[:-100])
    with pytest.raises(UsageError, match=r"damaged sparse image|cut off"):
        sparse.parse(open_file(tmp_path / "sparse.img"))


@pytest.mark.parametrize("minor", [0, 1, 2])
def test_a_super_image_has_the_partitions_that_liblp_sees(tmp_path: Path, minor: int) -> None:
    contents = {"system_a": b"S" * 9000, "vendor_a": b"V" * 4096, "product_a": b"P" * 20000}
    path = tmp_path / "super.img"
    path.write_bytes(images.super_image(contents, minor=minor))
    source = open_file(path)
    found = lp.parse(source)
    judge = liblp.ReadMetadata(path, 0)
    assert [one.name for one in found.partitions] == [
        liblp.GetPartitionName(one) for one in judge.partitions
    ]
    for one, judged in zip(found.partitions, judge.partitions, strict=True):
        theirs = judge.extents[judged.first_extent_index]
        assert (one.extents[0].start, one.extents[0].sectors) == (
            theirs.target_data,
            theirs.num_sectors,
        )
        content = lp.contents(source, one)
        assert content.read(0, content.size).rstrip(b"\0") == contents[one.name]
    assert found.partitions[0].group == "main"


def test_a_super_image_with_one_good_copy_of_its_tables_can_be_read() -> None:
    contents = {"system_a": b"S"}
    assert lp.parse(Bytes(images.super_image(contents, spoil=[0]))).partition("system_a")
    with pytest.raises(UsageError, match="checksum of its metadata is wrong"):
        lp.parse(Bytes(images.super_image(contents, spoil=[0, 1])))


def test_a_slot_that_is_not_there_and_names_without_slots() -> None:
    one_slot = Bytes(images.super_image({"system": b"S"}, slots=1, attributes=1 | 2))
    assert lp.parse(one_slot).partition("system_a")
    with pytest.raises(UsageError, match="has 1 slots, and none _b"):
        lp.parse(one_slot, 1)


def test_a_super_image_that_is_cut_off_is_refused() -> None:
    whole = images.super_image({"system_a": b"S" * 100_000})
    with pytest.raises(UsageError, match="is cut off: its metadata says"):
        lp.parse(Bytes(whole[:-4096]))


def test_vbmeta_names_its_chain_and_can_be_switched_off_in_a_copy() -> None:
    image = Bytes(images.vbmeta(chained=["vbmeta_system", "boot"]))
    found = vbmeta.parse(image)
    assert found.chained == ("vbmeta_system", "boot")
    assert found.covered == ("system",)
    assert found.verifies
    assert found.signed
    off = vbmeta.disabled(image)
    assert not vbmeta.parse(Bytes(off)).verifies
    assert off[:120] == image.content[:120]
    assert off[124:] == image.content[124:]
    nothing = vbmeta.parse(Bytes(vbmeta.empty()))
    assert not nothing.verifies
    assert not nothing.signed


def test_a_disk_has_the_partitions_that_were_asked_for() -> None:
    layout = gpt.lay_out([("boot_a", 5000), ("super", 3 << 20), ("userdata", 1 << 20)])
    disk = bytearray(layout.size)
    for offset, table in gpt.tables(layout):
        disk[offset : offset + len(table)] = table
    assert gpt.parse(Bytes(bytes(disk))).partitions == layout.partitions
    assert [one.start % gpt.ALIGNMENT for one in layout.partitions] == [0, 0, 0]
    disk[1024] ^= 1
    with pytest.raises(UsageError, match="a checksum is wrong"):
        gpt.parse(Bytes(bytes(disk)))


@pytest.mark.parametrize("names", [["x" * 37], [""], ["a", "a"], [f"p{n}" for n in range(129)]])
def test_partitions_that_no_table_holds_are_refused(names: list[str]) -> None:
    with pytest.raises(UsageError, match="partition"):
        gpt.lay_out([(name, 512) for name in names])


def test_pieces_of_an_image_read_as_one() -> None:
    whole = Bytes(bytes(range(200)))
    pieces = Pieces(whole, "p", ((10, 5), (None, 3), (100, 4)))
    expected = bytes([10, 11, 12, 13, 14, 0, 0, 0, 100, 101, 102, 103])
    assert pieces.read(0, pieces.size) == expected
    for start in range(len(expected)):
        for end in range(start, len(expected) + 1):
            assert pieces.read(start, end - start) == expected[start:end]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (images.file_system(), Format.EXT4),
        (bytes(1024) + b"\xe2\xe1\xf5\xe0", Format.EROFS),
        (bytes(1024) + b"\x10\x20\xf5\xf2", Format.F2FS),
        (images.kernel(), Format.ARM64_KERNEL),
        (images.ramdisk(), Format.CPIO),
        (images.super_image({"a": b"x"}), Format.SUPER),
        (images.vbmeta(), Format.VBMETA),
        (b"QFI\xfb", Format.QCOW2),
        (bytes(9000), Format.ZEROS),
        (b"", Format.ZEROS),
        (b"hello", Format.UNKNOWN),
    ],
)
def test_a_file_is_what_its_first_bytes_say(content: bytes, found: Format) -> None:
    assert identify_head(content[:8192]) is found


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for path, message in (
        (tmp_path / "none", "no such file"),
        (tmp_path, "is no regular file"),
        (tmp_path / "empty", "is empty"),
        (tmp_path / ("n" * 300), "cannot be read"),
    ):
        with pytest.raises(UsageError, match=message) as caught:
            open_file(path)
        assert caught.value.where == str(path)
