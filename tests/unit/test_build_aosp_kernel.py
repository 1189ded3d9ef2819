# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel and a ramdisk tell of themselves, and what they are told."""

from __future__ import annotations

import gzip
import lzma
import subprocess
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import pytest

from harness.build.aosp import bootconfig, options, ramdisk
from harness.build.aosp.arguments import split
from harness.build.aosp.compression import unpack
from harness.build.aosp.kernel import read_kernel
from harness.build.aosp.machine_code import programs
from harness.build.aosp.source import Bytes
from harness.build.kconfig import parse as parse_config
from harness.errors import UsageError
from tests.unit import aosp_images as images


def lz4_legacy(content: bytes) -> bytes:
    """As the kernel's build packs it; the tool is where lz4 is, the format is two lines."""
    packed = b"\x02\x21\x4c\x18"
    for at in range(0, len(content), 8 << 20):
        block = lz4.block.compress(content[at : at + (8 << 20)], store_size=False)
        packed += len(block).to_bytes(4, "little") + block
    return packed


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, lz4_legacy, lz4.frame.compress, lzma.compress]
)
def test_a_kernel_is_read_however_it_is_packed(pack: Callable[[bytes], bytes]) -> None:
    found = read_kernel(pack(images.kernel()), name="k")
    assert found.content == images.kernel()
    assert (found.version, found.page_kib) == ("6.12.1-test", 4)
    assert found.config == parse_config(images.XEN_CONFIG)


def test_a_kernel_that_says_nothing_of_itself_is_one_nevertheless() -> None:
    found = read_kernel(images.kernel(None, page_flag=0), name="k")
    assert (found.config, found.page_kib) == (None, None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bytes(0x202) + b"HdrS" + bytes(100), "is a kernel for x86: this machine is arm64"),
        (b"\x7fELF" + bytes(100), "is no arm64 kernel Image: it is an ELF file"),
        (b"text", "is no arm64 kernel Image: it is an unknown file"),
        (b"", "is no arm64 kernel Image"),
        (gzip.compress(images.kernel())[:-20], "damaged gzip file"),
        (lz4_legacy(images.kernel())[:-20], "damaged LZ4 file"),
        (b"\x28\xb5\x2f\xfd" + bytes(20), "packed with Zstandard"),
        (images.kernel()[:60], "is cut off"),
    ],
)
def test_what_is_no_kernel_for_this_machine_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_kernel(content, name="k")


def test_a_damaged_configuration_is_an_error_and_not_an_absent_one() -> None:
    whole = images.kernel()
    start = whole.index(b"IKCFG_ST")
    spoilt = whole[: start + 30] + b"\xff" * 10 + whole[start + 40 :]
    with pytest.raises(UsageError, match="its configuration is damaged"):
        read_kernel(spoilt, name="k")


@pytest.mark.parametrize("pack", [gzip.compress, lz4_legacy, lz4.frame.compress])
def test_a_bomb_takes_no_more_memory_than_its_limit(pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(bytes(64 << 20))
    tracemalloc.start()
    with pytest.raises(UsageError, match="unpacks to more than 1 MiB"):
        unpack(bomb, name="b", limit=1 << 20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 24 << 20  # a block of 8 MiB is the least that LZ4's format can be unpacked in


def test_a_kernel_lacks_what_is_not_there_and_modules_that_the_ramdisk_has_not() -> None:
    config = parse_config(
        images.XEN_CONFIG.replace("BLKDEV_FRONTEND=y", "BLKDEV_FRONTEND=m").replace(
            "CONFIG_HVC_XEN=y", "# CONFIG_HVC_XEN is not set"
        )
    )
    assert [str(lack) for lack in options.lacking(config, options.XEN, ())] == [
        "CONFIG_XEN_BLKDEV_FRONTEND=m, and no xen-blkfront.ko in the ramdisk: "
        "no disk xvda: init finds no partition",
        "CONFIG_HVC_XEN is not set: no console: whatever goes wrong stays unknown",
    ]
    files = ramdisk.check(images.ramdisk("init", "lib/modules/xen_blkfront.ko"), name="r")
    lacks = options.lacking(config, options.XEN, ramdisk.modules(files))
    assert [lack.option.name for lack in lacks] == ["CONFIG_HVC_XEN"]


def unpacked_by_cpio(archive: bytes, folder: Path) -> set[str]:
    """What GNU cpio finds in the first archive of a ramdisk."""
    folder.mkdir()
    subprocess.run(
        ["cpio", "--extract", "--quiet", "--make-directories", "--no-preserve-owner"],
        input=archive, cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_ramdisks_are_joined_as_they_are_or_unpacked_for_a_kernel_that_cannot(
    tmp_path: Path,
) -> None:
    first, second = images.ramdisk("a", "lib/b"), images.ramdisk("c")
    packed = [("one", lz4_legacy(first)), ("two", lz4_legacy(second))]
    can, cannot = {"CONFIG_RD_LZ4": "y"}, {"CONFIG_RD_GZIP": "y"}
    assert ramdisk.join(packed, can) == packed[0][1] + packed[1][1]
    assert ramdisk.join(packed, None) == packed[0][1] + packed[1][1]
    plain = ramdisk.join(packed, cannot)
    assert plain == first + second
    assert ramdisk.check(plain, name="r") == {".", "a", "lib", "lib/b", "c"}
    assert unpacked_by_cpio(plain, tmp_path / "first") == {"a", "lib/b"}
    mixed = [("one", lz4_legacy(first)), ("two", gzip.compress(second))]
    assert ramdisk.join(mixed, can) == first + second


def test_what_is_no_ramdisk_is_refused() -> None:
    with pytest.raises(UsageError, match="is no ramdisk: it is an ext4 file system"):
        ramdisk.check(images.file_system(), name="r")
    with pytest.raises(UsageError, match="the file at 112 is cut off"):
        ramdisk.check(images.ramdisk("init")[:230], name="r")


BOOTCONFIG = """\
# written by a build
androidboot.hardware=cutf_cvm
androidboot.boot_devices = "pci0000:00/0000:00:0f.0", 'other,device'
kernel { quiet; loglevel = 4 }
some = # what it is
  "one",   # comment
  it's "two" # comment
androidboot { vbmeta { size := 65536 }
serialno += 1 }
"""


def test_a_bootconfig_is_read_as_linux_reads_it() -> None:
    assert bootconfig.parse(BOOTCONFIG, name="b") == {
        "androidboot.hardware": "cutf_cvm",
        "androidboot.boot_devices": "pci0000:00/0000:00:0f.0,other,device",
        "kernel.quiet": "",
        "kernel.loglevel": "4",
        "some": 'one,it\'s "two"',
        "androidboot.vbmeta.size": "65536",
        "androidboot.serialno": "1",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = 1\na = 2", "line 2: a has a value already"),
        ("a { b = 1", "a { without a }"),
        ("}", "a } without a {"),
        ("= 3", "a key is expected"),
        ("a b", "the end of the line is expected"),
        ('a = "x" y', "the end of the line is expected"),
        ("x=" + "y" * 40_000, "more than 32767 bytes"),
        ("a{" * 20, "blocks deeper than 16"),
    ],
)
def test_a_damaged_bootconfig_is_refused_by_line(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        bootconfig.parse(text, name="b")


def test_a_bootconfig_behind_a_ramdisk_has_the_trailer_that_linux_looks_for() -> None:
    values = {"androidboot.a": "1", "androidboot.b": "two, three"}
    disk = images.ramdisk() + b"x"
    whole = bootconfig.append(disk, values)
    assert whole[: len(disk)] == disk
    size, checksum = (int.from_bytes(whole[at : at + 4], "little") for at in (-20, -16))
    assert whole[-12:] == b"#BOOTCONFIG\n"
    text = whole[-20 - size : -20]
    assert sum(text) == checksum
    assert len(whole) % 4 == 0
    assert bootconfig.parse(text.decode(), name="b") == {
        "androidboot.a": "1",
        "androidboot.b": "two, three",
    }


def test_words_of_a_command_line_are_told_apart_as_the_kernel_does() -> None:
    words, android = split('quiet  androidboot.x=1 init="/a b" androidboot.y="p q" androidboot.x=2')
    assert words == ["quiet", 'init="/a b"']
    assert android == {"androidboot.x": "2", "androidboot.y": "p q"}


def test_programs_tell_their_machine_and_the_pages_they_are_laid_out_for() -> None:
    found = programs(Bytes(images.file_system(183, alignment=0x4000)))
    assert (found.machine, found.alignment_kib) == ("arm64", 16)
    assert programs(Bytes(images.file_system(62))).machine == "x86_64"
    nothing = programs(Bytes(bytes(8192)))
    assert (nothing.machine, nothing.alignment_kib) == ("", None)
