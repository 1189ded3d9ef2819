# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest ``debian-art``, packed as a build of Android packs its images.

Boot, init_boot and vendor_boot of version 4 by Debian 13's mkbootimg, super by hand (its tables are
judged by liblp), made sparse by img2simg, vbmeta with a chain. The generic ramdisk finds the
partition super by its name, in it the logical partition of its slot, and the root in that: what
first-stage init does, without device mapper.
"""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

from harness.build import packages
from harness.build.artifacts import existing
from harness.build.initramfs import Tree, write_cpio
from tests.unit import aosp_images as images

BUSYBOX = "/usr/bin/busybox"
FSTAB = b"system /sysroot ext4\nvendor /vendor ext4\n"
INIT = rb"""#!/bin/busybox sh
# Finds the root as first-stage init does, and goes there.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev

number() { # FILE OFFSET
    dd if="$1" bs=1 skip="$2" count=4 2> /dev/null | hexdump -v -e '1/4 "%u"'
}
say() {
    echo "XMC-FIRST-STAGE $*" > /dev/console
}

slot=$(tr ' ' '\n' < /proc/cmdline | sed -n 's/^androidboot.slot_suffix=//p')
for entry in /sys/class/block/xvda*; do
    name=$(sed -n 's/^PARTNAME=//p' "$entry/uevent")
    [ "$name" ] && say "partition $name"
    [ "$name" = super ] && super=/dev/${entry##*/}
done

# The tables of slot 0: header, partitions of 52 bytes, extents of 24.
tables=$((12288 + $(number "$super" $((12288 + 8)))))
count=$(number "$super" $((12288 + 84)))
extents=$((tables + $(number "$super" $((12288 + 92)))))
while read -r wanted place kind; do
    index=0
    while [ "$index" -lt "$count" ]; do
        entry=$((tables + 52 * index))
        found=$(dd if="$super" bs=1 skip="$entry" count=36 2> /dev/null | tr -d '\0')
        if [ "$found" = "$wanted$slot" ]; then
            extent=$((extents + 24 * $(number "$super" $((entry + 40)))))
            loop=$(losetup -f)
            losetup -o $((512 * $(number "$super" $((extent + 12))))) "$loop" "$super"
            mkdir -p "$place"
            mount -t "$kind" "$loop" "$place" && say "mounted $found"
        fi
        index=$((index + 1))
    done
done < /first_stage_ramdisk/fstab.test
say "laid over: $(cat /who), vendor says $(cat /vendor/etc/words)"
say "parameters: $(tr ' ' '\n' < /proc/cmdline | grep -c ^androidboot)"
umount /vendor /sys /proc
exec switch_root /sysroot /init
"""


def pack(folder: Path) -> Path:
    """Make the images; the folder that they are in."""
    built = existing()
    assert built.android_root is not None, "harness build images"
    work = folder / "work"
    image = folder / "image"
    for path in (work, image):
        path.mkdir(parents=True)
    root = built.android_root.path
    images.tool("/sbin/debugfs", "-R", f"dump {BUSYBOX} {work / 'busybox'}", root)
    tool = _mkbootimg(work)
    parts = {
        "kernel": gzip.compress(built.kernel.path.read_bytes(), 1),
        "generic": gzip.compress(_generic(work / "busybox"), 1),
        "vendor": gzip.compress(_vendor(), 1),
        "bootconfig": b"androidboot.hardware=debian_art\nandroidboot.selinux=permissive\n",
    }
    for name, content in parts.items():
        (work / name).write_bytes(content)
    _run(tool, "--header_version", "4", "--kernel", work / "kernel", "--cmdline", "loglevel=5",
         "--output", image / "boot.img")  # fmt: skip
    _run(tool, "--header_version", "4", "--ramdisk", work / "generic",
         "--output", image / "init_boot.img")  # fmt: skip
    _run(tool, "--header_version", "4", "--vendor_boot", image / "vendor_boot.img",
         "--ramdisk_type", "platform", "--ramdisk_name", "",
         "--vendor_ramdisk_fragment", work / "vendor",
         "--vendor_bootconfig", work / "bootconfig",
         "--vendor_cmdline", "printk.devkmsg=on")  # fmt: skip
    contents = {"system_a": root.read_bytes(), "vendor_a": _vendor_partition(work)}
    (work / "super").write_bytes(images.super_image(contents))
    images.sparse(work / "super", image / "super.img")
    (work / "super").unlink()
    (image / "vbmeta.img").write_bytes(images.vbmeta(chained=["vbmeta_system"]))
    (image / "vbmeta_system.img").write_bytes(images.vbmeta())
    return image


def _mkbootimg(work: Path) -> Path:
    """Debian 13's, wherever this runs: Debian 12's knows no version 4."""
    deb = packages.fetch(["mkbootimg"], dependencies=False).paths[0]
    images.tool("dpkg-deb", "-x", deb, work / "deb")
    return work / "deb/usr/bin/mkbootimg"


def _run(*argv: str | Path) -> None:
    subprocess.run([sys.executable, *map(str, argv)], check=True, capture_output=True, timeout=60)


def _generic(busybox: Path) -> bytes:
    tree = Tree()
    for name in ("bin", "dev", "proc", "sys", "sysroot", "vendor"):
        tree.folder(name)
    tree.character_device("dev/console", 5, 1)
    tree.file("bin/busybox", busybox.read_bytes(), mode=0o755)
    tree.file("init", INIT, mode=0o755)
    tree.file("who", b"generic")
    return write_cpio(tree)


def _vendor() -> bytes:
    tree = Tree()
    tree.file("first_stage_ramdisk/fstab.test", FSTAB)
    tree.file("init", b"not this one", mode=0o755)
    tree.file("who", b"vendor")
    return write_cpio(tree)


def _vendor_partition(work: Path) -> bytes:
    files = work / "vendor-files" / "etc"
    files.mkdir(parents=True)
    (files / "words").write_text("hello")
    path = work / "vendor.ext4"
    images.tool("/sbin/mkfs.ext4", "-q", "-d", files.parent, path, "8M")
    return path.read_bytes()
