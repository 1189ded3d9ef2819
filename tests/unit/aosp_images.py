# SPDX-License-Identifier: GPL-2.0-or-later
"""Small Android images of every format, by Debian's tools where there is one, else by hand."""

from __future__ import annotations

import gzip
import hashlib
import struct
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.build.initramfs import Tree, write_cpio

XEN_CONFIG = """CONFIG_XEN=y
CONFIG_XEN_BLKDEV_FRONTEND=y
CONFIG_XEN_NETDEV_FRONTEND=y
CONFIG_HVC_XEN=y
CONFIG_HVC_XEN_FRONTEND=y
CONFIG_XEN_BALLOON=y
CONFIG_EFI_PARTITION=y
CONFIG_BLK_DEV_DM=y
CONFIG_ANDROID_BINDER_IPC=y
CONFIG_ANDROID_BINDERFS=y
CONFIG_SECURITY_SELINUX=y
CONFIG_FUSE_FS=y
CONFIG_CGROUPS=y
CONFIG_BPF_SYSCALL=y
CONFIG_PSI=y
CONFIG_MEMCG=y
CONFIG_DM_VERITY=y
CONFIG_EXT4_FS=y
CONFIG_EROFS_FS=y
CONFIG_RD_GZIP=y
CONFIG_RD_LZ4=y
CONFIG_BOOT_CONFIG=y
"""
# What gki_defconfig says about it: nothing.
GKI_CONFIG = "\n".join(
    line for line in XEN_CONFIG.splitlines() if "XEN" not in line and "BALLOON" not in line
)
SECTOR = 512


def tool(*argv: str | Path) -> None:
    """Run a tool of Debian's."""
    subprocess.run([str(word) for word in argv], check=True, capture_output=True, timeout=60)


def kernel(
    config: str | None = XEN_CONFIG, *, page_flag: int = 1, version: str = "6.12.1-test"
) -> bytes:
    """An arm64 Image: header, banner, and the configuration as CONFIG_IKCONFIG puts it."""
    head = struct.pack("<2I3Q24sII", 0, 0, 0, 1 << 20, page_flag << 1, bytes(24), 0x644D5241, 0)
    body = head + bytes(960) + f"Linux version {version} (test) #1\n".encode()
    if config is None or "CONFIG_XEN=y" in config:
        body += b"xen,xen\0"
    if config is not None:
        body += b"IKCFG_ST" + gzip.compress(config.encode(), mtime=0) + b"IKCFG_ED"
    return body.ljust(1 << 16, b"\0")


def ramdisk(*names: str) -> bytes:
    """A cpio archive with these files, each holding its own name."""
    tree = Tree()
    for name in names or ("init",):
        tree.file(name, name.encode(), mode=0o755)
    return write_cpio(tree)


def elf(machine: int = 183, *, alignment: int = 0x1000) -> bytes:
    """A block with the header of a 64-bit program and one part that is loaded."""
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    head = ident + struct.pack("<2HI3QI6H", 3, machine, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return (head + struct.pack("<2I6Q", 1, 5, 0, 0, 0, 0, 0, alignment)).ljust(4096, b"\0")


def file_system(machine: int = 183, *, alignment: int = 0x1000, blocks: int = 64) -> bytes:
    """What looks like an ext4 file system with two programs in it."""
    content = bytearray(blocks * 4096)
    content[0x438:0x43A] = b"\x53\xef"
    for number in (3, 7):
        content[number * 4096 : (number + 1) * 4096] = elf(machine, alignment=alignment)
    return bytes(content)


def sparse(raw: Path, to: Path) -> Path:
    """img2simg's."""
    tool("img2simg", raw, to, "4096")
    return to


def super_image(
    contents: Mapping[str, bytes],
    *,
    minor: int = 2,
    slots: int = 2,
    attributes: int = 1,
    spoil: Sequence[int] = (),
) -> bytes:
    """A super image, as lpmake lays it out: reserved, geometry twice, metadata twice, contents.

    spoil: copies of the metadata (0, 1) whose checksum is to be wrong
    """
    largest = 4096 * 4
    first = 1 << 20
    partitions, extents, data = b"", b"", b""
    for number, (name, content) in enumerate(contents.items()):
        content = content.ljust(-(-len(content) // 4096) * 4096, b"\0")
        partitions += struct.pack("<36s4I", name.encode(), attributes, number, 1, 1)
        at = (first + len(data)) // SECTOR
        extents += struct.pack("<QIQI", len(content) // SECTOR, 0, at, 0)
        data += content
    groups = struct.pack("<36sIQ", b"default", 0, 0) + struct.pack("<36sIQ", b"main", 0, 1 << 30)
    size = first + len(data)
    device = struct.pack("<QIIQ36sI", first // SECTOR, 1 << 20, 0, size, b"super", 0)
    geometry = _geometry(largest, slots)
    metadata = lp_metadata(partitions, extents, groups, device, minor=minor).ljust(largest, b"\0")
    copies = []
    for copy in (0, 1):
        whole = bytearray(metadata)
        if copy in spoil:
            whole[200] ^= 1
        copies += [bytes(whole)] * slots
    head = bytes(4096) + geometry * 2 + b"".join(copies)
    return head.ljust(first, b"\0") + data


def lp_metadata(
    partitions: bytes, extents: bytes, groups: bytes, devices: bytes, *, minor: int = 2
) -> bytes:
    """Header and tables with right checksums, whatever the tables say."""
    tables = partitions + extents + groups + devices
    size = 256 if minor >= 2 else 128
    described, offset = b"", 0
    for table, entry in ((partitions, 52), (extents, 24), (groups, 48), (devices, 64)):
        described += struct.pack("<3I", offset, len(table) // entry, entry)
        offset += len(table)

    def header(checksum: bytes) -> bytes:
        start = struct.pack("<I2HI32sI32s", 0x414C5030, 10, minor, size, checksum, len(tables),
                            hashlib.sha256(tables).digest())  # fmt: skip
        return (start + described).ljust(size, b"\0")

    return header(hashlib.sha256(header(bytes(32))).digest()) + tables


def _geometry(largest: int, slots: int) -> bytes:
    def made(checksum: bytes) -> bytes:
        return struct.pack("<II32s3I", 0x616C4467, 52, checksum, largest, slots, 4096)

    return made(hashlib.sha256(made(bytes(32))).digest()).ljust(4096, b"\0")


def vbmeta(*, chained: Sequence[str] = (), flags: int = 0, algorithm: int = 1) -> bytes:
    """A vbmeta image with a hashtree descriptor for system and chains to partitions."""
    descriptors = _descriptor(1, 104, 180, "system")
    for name in chained:
        descriptors += _descriptor(4, 20, 92, name)
    head = struct.pack(
        ">4s2I2QI8Q2QQ2I48s80x", b"AVB0", 1, 0, 64, len(descriptors), algorithm, *[0] * 8,
        0, len(descriptors), 0, flags, 0, b"avbtool 1.2.0",
    )  # fmt: skip
    return head + bytes(64) + descriptors


def _descriptor(tag: int, length_at: int, name_at: int, name: str) -> bytes:
    body = bytearray(name_at + -(-len(name) // 8) * 8)
    body[name_at : name_at + len(name)] = name.encode()
    body[length_at : length_at + 4] = len(name).to_bytes(4, "big")
    padded = len(body) + -len(body) % 8
    body = body.ljust(padded, b"\0")
    body[:16] = struct.pack(">2Q", tag, padded - 16)
    return bytes(body)


def boot_v4(kernel_: bytes, ramdisk_: bytes, *, cmdline: str = "", version: int = 4) -> bytes:
    """A boot image of version 3 or 4, which Debian 12's mkbootimg does not make; without a kernel
    an init_boot image."""
    head = struct.pack(
        "<8s4I16xI1536sI", b"ANDROID!", len(kernel_), len(ramdisk_), 0, 1584, version,
        cmdline.encode(), 0,
    )  # fmt: skip
    return _pages(head) + _pages(kernel_) + _pages(ramdisk_)


def boot_v2(kernel_: bytes, ramdisk_: bytes, second: bytes, dtb: bytes) -> bytes:
    """A boot image of version 2."""
    head = struct.pack(
        "<8s10I16s512s32s1024sIQIIQ", b"ANDROID!", len(kernel_), 0, len(ramdisk_), 0, len(second),
        0, 0, 4096, 2, 0, b"t", b"quiet", b"", b"", 0, 0, 1660, len(dtb), 0,
    )  # fmt: skip
    return b"".join(_pages(part) for part in (head, kernel_, ramdisk_, second, dtb))


def vendor_boot(
    ramdisks: Mapping[str, bytes], *, cmdline: str = "", bootconfig: str = "", kind: int = 1
) -> bytes:
    """A vendor boot image of version 4."""
    whole, table = b"", b""
    for name, content in ramdisks.items():
        table += struct.pack("<3I32s64x", len(content), len(whole), kind, name.encode())
        whole += content
    config = bootconfig.encode()
    head = struct.pack(
        "<8s5I2048sI16sIIQ4I", b"VNDRBOOT", 4, 4096, 0, 0, len(whole), cmdline.encode(), 0, b"t",
        2128, 4, 0, len(table), len(ramdisks), 108, len(config),
    )  # fmt: skip
    return b"".join(_pages(part) for part in (head, whole, b"dtb\0", table, config))


def _pages(content: bytes) -> bytes:
    return content.ljust(-(-len(content) // 4096) * 4096, b"\0")


def cuttlefish(folder: Path, **changed: bytes) -> Path:
    """A whole small set; ``changed`` replaces a file by role, by nothing to leave it out."""
    files = {
        "boot": boot_v4(gzip.compress(kernel()), b"", cmdline="loglevel=4"),
        "init_boot": boot_v4(b"", gzip.compress(ramdisk("init"))),
        "vendor_boot": vendor_boot(
            {"": gzip.compress(ramdisk("fstab.test", "lib/modules/some.ko"))},
            cmdline="printk.devkmsg=on",
            bootconfig="androidboot.hardware=test\nandroidboot.selinux=enforcing\n",
        ),
        "super": super_image({"system_a": file_system(), "vendor_a": file_system()}),
        "vbmeta": vbmeta(chained=["vbmeta_system"]),
        "vbmeta_system": vbmeta(),
    } | changed
    folder.mkdir(parents=True, exist_ok=True)
    for role, content in files.items():
        if content:
            (folder / f"{role}.img").write_bytes(content)
    return folder
