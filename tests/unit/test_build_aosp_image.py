# SPDX-License-Identifier: GPL-2.0-or-later
"""A whole image: what is found in it, what is wrong with it, and what is made of it."""

from __future__ import annotations

import gzip
import hashlib
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from harness.build.aosp import (
    Image,
    ImageKind,
    ImageSpec,
    OwnKernel,
    assemble,
    bootconfig,
    gpt,
    judge,
    open_image,
    ramdisk,
    vbmeta,
)
from harness.build.aosp.source import Bytes, open_file
from harness.errors import HarnessError, SetupError, UsageError
from tests.unit import aosp_images as images

MIB = 1 << 20


def spec_of(folder: Path, **changed: object) -> ImageSpec:
    spec = ImageSpec(ImageKind.CUTTLEFISH, str(folder), kernel="image", userdata_mib=1)
    return replace(spec, **changed)  # type: ignore[arg-type]


def opened(folder: Path, **changed: object) -> Image:
    return open_image(spec_of(folder, **changed), None)


def first_problem(folder: Path, **changed: object) -> HarnessError:
    """What booting would raise."""
    with pytest.raises(HarnessError) as caught:
        judge(opened(folder, **changed), memory_mib=2048).require()
    return caught.value


def test_a_whole_set_would_boot_and_its_files_are_told_by_content(tmp_path: Path) -> None:
    folder = images.cuttlefish(tmp_path)
    for number, path in enumerate(sorted(folder.iterdir())):
        if "vbmeta" not in path.name:  # which of these is which, only names tell
            path.rename(folder / f"{number}.bin")
    image = opened(folder)
    verdict = judge(image, memory_mib=2048)
    assert verdict.problems == ()
    assert {part.role for part in image.parts} == {
        "boot", "init_boot", "vendor_boot", "super", "vbmeta", "vbmeta_system"
    }  # fmt: skip
    assert image.kernel is not None
    assert image.kernel.version == "6.12.1-test"
    assert image.ramdisk_files >= {"init", "fstab.test", "lib/modules/some.ko"}
    assert [name.split()[-1] for name, _ in image.ramdisks] == [
        image_path(image, "vendor_boot"), image_path(image, "init_boot")
    ]  # fmt: skip


def image_path(image: Image, role: str) -> str:
    part = image.part(role)
    assert part is not None
    return part.path.name


def test_what_is_told_to_the_kernel_and_to_init(tmp_path: Path) -> None:
    image = opened(
        images.cuttlefish(tmp_path),
        cmdline_extra=("quiet androidboot.extra=1",),
        bootconfig_extra=("androidboot.selinux=permissive",),
    )
    assert image.words == ("loglevel=4", "printk.devkmsg=on", "quiet")
    # What is usual for the kind, the image, what a boot loader would say, the profile: later wins.
    assert image.parameters == {
        "androidboot.hardware": "test",
        "androidboot.selinux": "permissive",
        "androidboot.fstab_suffix": "cf.ext4.hctr2",
        "androidboot.boot_devices": "51712",
        "androidboot.console": "hvc0",
        "androidboot.slot_suffix": "_a",
        "androidboot.verifiedbootstate": "orange",
        "androidboot.vbmeta.device_state": "unlocked",
        "androidboot.extra": "1",
    }


def test_init_is_told_of_a_vbmeta_that_it_is_to_verify(tmp_path: Path) -> None:
    folder = images.cuttlefish(tmp_path)
    (folder / "vbmeta_system.img").unlink()
    (folder / "vbmeta.img").write_bytes(images.vbmeta())
    told = opened(folder, verify=True).parameters
    whole = (folder / "vbmeta.img").read_bytes()
    size = vbmeta.parse(Bytes(whole)).size
    assert {key: told[f"androidboot.vbmeta.{key}"] for key in ("avb_version", "hash_alg")} == {
        "avb_version": "1.0", "hash_alg": "sha256"
    }  # fmt: skip
    assert told["androidboot.vbmeta.size"] == str(size)
    assert told["androidboot.vbmeta.digest"] == hashlib.sha256(whole[:size]).hexdigest()
    assert told["androidboot.verifiedbootstate"] == "green"


@pytest.mark.parametrize("sparse", [False, True])
def test_the_disk_holds_every_partition_and_the_users_files_stay_as_they_are(
    tmp_path: Path, sparse: bool
) -> None:
    folder = images.cuttlefish(tmp_path / "image")
    if sparse:
        (folder / "super.img").rename(tmp_path / "raw")
        images.sparse(tmp_path / "raw", folder / "super.img")
    before = {path: hashlib.sha256(path.read_bytes()).digest() for path in folder.iterdir()}
    for path in folder.iterdir():
        path.chmod(0o444)
    image = opened(folder)
    assert any("super.img is sparse" in note for note in judge(image).notes) == sparse
    out = tmp_path / "out"
    out.mkdir()
    made = assemble(image, out, "phone")
    assert {path: hashlib.sha256(path.read_bytes()).digest() for path in folder.iterdir()} == before
    disk = open_file(made.disk)
    content = {one.name: disk.read(one.start, one.size) for one in gpt.parse(disk).partitions}
    assert list(content) == [
        "boot_a", "init_boot_a", "vendor_boot_a", "vbmeta_system_a", "vbmeta_a", "super",
        "metadata", "misc", "userdata",
    ]  # fmt: skip
    for role in ("boot", "init_boot", "vendor_boot", "vbmeta_system"):
        whole = (folder / f"{role}.img").read_bytes()
        assert content[f"{role}_a"].startswith(whole)
        assert not content[f"{role}_a"][len(whole) :].strip(b"\0")
    whole = images.super_image({"system_a": images.file_system(), "vendor_a": images.file_system()})
    assert content["super"] == whole
    assert not vbmeta.parse(Bytes(content["vbmeta_a"])).verifies
    assert len(content["userdata"]) == MIB
    assert not any(content["userdata"])


def test_other_readers_find_the_same_partitions_on_the_disk(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    made = assemble(opened(images.cuttlefish(tmp_path / "image")), tmp_path / "out", "phone")

    def sfdisk(word: str) -> str:
        argv = ["/sbin/sfdisk", word, str(made.disk)]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    assert "No errors detected" in sfdisk("--verify")
    names = [line.rsplit('name="', 1)[1].strip('"') for line in sfdisk("--dump").splitlines()
             if "name=" in line]  # fmt: skip
    assert names == [one.name for one in gpt.parse(open_file(made.disk)).partitions]


def test_the_ramdisk_is_vendors_and_then_the_generic_one_with_a_bootconfig_behind(
    tmp_path: Path,
) -> None:
    (tmp_path / "out").mkdir()
    image = opened(images.cuttlefish(tmp_path / "image"))
    made = assemble(image, tmp_path / "out", "phone")
    assert made.kernel.read_bytes() == images.kernel()
    assert made.ramdisk is not None
    vendor, generic = (content for _, content in image.ramdisks)
    whole = made.ramdisk.read_bytes()
    assert whole.startswith(vendor + generic)
    assert whole.endswith(bootconfig.MAGIC)
    size = int.from_bytes(whole[-20:-16], "little")
    said = bootconfig.parse(whole[-20 - size : -20].decode(), name="b")
    assert said == image.parameters
    assert made.cmdline == "loglevel=4 printk.devkmsg=on bootconfig"


def test_without_bootconfig_in_the_kernel_all_is_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    config = images.XEN_CONFIG.replace("CONFIG_BOOT_CONFIG=y", "").replace("CONFIG_RD_GZIP=y", "")
    folder = images.cuttlefish(
        tmp_path / "image", boot=images.boot_v4(images.kernel(config), b"", cmdline="a=1")
    )
    made = assemble(opened(folder, bootconfig_extra=("kernel.quiet=", "androidboot.x=p q")),
                    tmp_path / "out", "phone")  # fmt: skip
    words = made.cmdline.split(" ")
    assert {"a=1", "quiet", "androidboot.hardware=test"} <= set(words)
    assert made.cmdline.endswith('androidboot.x="p q"')
    assert made.ramdisk is not None
    # It cannot unpack gzip either.
    plain = made.ramdisk.read_bytes()
    assert plain.startswith(b"070701")
    assert ramdisk.check(plain, name="r") >= {"init", "fstab.test"}
    long = opened(folder, cmdline_extra=("x" * 3000,))
    with pytest.raises(UsageError, match=r"command line of 3\d+ bytes; arm64 takes 2047"):
        assemble(long, tmp_path / "out", "phone")


@pytest.mark.parametrize("kind", ["gpt", "ext4", "sparse"])
def test_a_raw_disk_is_taken_as_it_is(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "disk.img"
    content = images.file_system()
    if kind == "gpt":
        layout = gpt.lay_out([("system", len(content))])
        disk = bytearray(layout.size)
        for offset, table in gpt.tables(layout):
            disk[offset : offset + len(table)] = table
        start = layout.partitions[0].start
        disk[start : start + len(content)] = content
        content = bytes(disk)
    path.write_bytes(content)
    if kind == "sparse":
        path = images.sparse(path, tmp_path / "sparse.img")
    own = OwnKernel(tmp_path / "Image", tmp_path / "config")
    own.image.write_bytes(images.kernel(None))
    own.config.write_text(images.XEN_CONFIG)
    spec = ImageSpec(
        ImageKind.RAW_DISK, files={"disk": str(path)}, cmdline_extra=("root=/dev/xvda", "rw")
    )
    image = open_image(spec, own)
    verdict = judge(image, memory_mib=128)
    assert verdict.problems == ()
    assert image.programs is not None
    assert image.programs.machine == "arm64"
    (tmp_path / "out").mkdir()
    made = assemble(image, tmp_path / "out", "phone")
    assert made.cmdline == "root=/dev/xvda rw"
    assert made.ramdisk is None
    assert made.disk.read_bytes() == content
    assert (made.disk == path) == (kind != "sparse")


# What a user may get wrong: files of the set that are replaced (b"": left out), changes of the
# profile, and the error that says so.
GKI = images.boot_v4(gzip.compress(images.kernel(images.GKI_CONFIG)), b"")
MODULES = images.XEN_CONFIG.replace("DEV_FRONTEND=y", "DEV_FRONTEND=m")
BIG_PAGES = images.boot_v4(images.kernel(page_flag=2), b"")
X86 = images.boot_v4(bytes(0x202) + b"HdrS" + bytes(4000), b"")
X86_SUPER = images.super_image({n: images.file_system(62) for n in ("system_a", "vendor_a")})
GSI = {"super": b"", "vendor_boot": b"", "system": images.file_system()}
OTHER_SLOT = images.super_image({"system_b": b"s", "vendor_b": b"v"})
LOCKED = images.vendor_boot(
    {"": images.ramdisk()}, bootconfig="androidboot.vbmeta.device_state=locked"
)
WRONG: dict[str, tuple[dict[str, bytes], dict[str, object], str, str]] = {
    "text": ({"boot": b"no image" * 200}, {"files": {"boot": "boot"}},
        r"not an Android boot image: it is unknown", "build's output"),
    "zip": ({"super": b"PK\3\4" * 200}, {"files": {"super": "super"}},
        "not a super image: it is a zip archive", "unzip"),
    "super_empty": ({"super": b"gDla" + bytes(9000)}, {"files": {"super": "super"}},
        "it is a super image without contents", ""),
    "vendor_boot": ({"vendor_boot": images.boot_v4(b"", images.ramdisk())},
        {"files": {"vendor_boot": "vendor_boot"}},
        r"not an Android vendor boot image: it is an Android boot image", "build's output"),
    "init_boot": ({"init_boot": images.vbmeta()}, {"files": {"init_boot": "init_boot"}},
        "not an Android boot image: it is a vbmeta image", "build's output"),
    "vbmeta": ({"vbmeta": images.file_system()}, {"files": {"vbmeta": "vbmeta"}},
        "not a vbmeta image: it is an ext4 file system", "build's output"),
    "vendor header": ({"vendor_boot": b"VNDRBOOT" + struct.pack("<I", 9) + bytes(9000)}, {},
        "header version 9 is unknown", "damaged"),
    "header": ({"boot": images.boot_v4(b"k" * 99, b"", version=9)}, {},
        "header version 9 is unknown", "damaged"),
    "x86 kernel": ({"boot": X86}, {}, "is a kernel for x86", "arm64 build"),
    "x86 system": ({"super": X86_SUPER}, {}, "programs are for x86_64", "arm64 build"),
    "no kernel for Xen": ({"boot": GKI}, {},
        "has no CONFIG_XEN: stock GKI cannot run as a Xen guest", "supply an Image rebuilt"),
    "no kernel for Xen, and no configuration": (
        {"boot": images.boot_v4(images.kernel(None).replace(b"xen,xen", b"ten,ten"), b"")}, {},
        "has no CONFIG_XEN", "supply an Image rebuilt"),
    "modules": ({"boot": images.boot_v4(images.kernel(MODULES), b"")}, {},
        "BLKDEV_FRONTEND=m, and no xen-blkfront.ko in the ramdisk", "vendor ramdisk"),
    "pages": ({"boot": BIG_PAGES}, {},
        "pages of 16 KiB, and the system is built for 4 KiB", "ARM64_4K_PAGES"),
    "GSI": (GSI, {}, "a GSI system.img alone is not bootable: no super.img and no vendor_boot.img",
        "vendor_boot and super of the same target"),
    "no super": ({"super": b""}, {}, "no super.img", "whole set"),
    "no boot": ({"boot": b""}, {}, "no boot image", "boot ="),
    "slot": ({"super": OTHER_SLOT}, {}, "no partition system_a; it has system_b", 'slot = "_b"'),
    "locked": ({"vendor_boot": LOCKED}, {"bootconfig_extra":
        ("androidboot.vbmeta.device_state=locked",)}, "device_state is locked", "unlocked"),
    "chain": ({}, {"verify": True}, "a locked chain .vbmeta_system have vbmeta", "verify = false"),
    "nothing to verify": ({"vbmeta": b"", "vbmeta_system": b""}, {"verify": True},
        "nothing to verify", "verify = false"),
    "cut off": ({"boot": BIG_PAGES[:5000]}, {}, "is cut off: its kernel ends", "download it again"),
    "no ramdisk": ({"init_boot": images.boot_v4(b"", b"no archive")}, {},
        "is no ramdisk", "cpio"),
    "bootconfig": ({"vendor_boot": images.vendor_boot({"": images.ramdisk()}, bootconfig="{")}, {},
        "damaged bootconfig, line 1", ""),
    "key": ({}, {"bootconfig_extra": ("androidboot.x",)}, "is no KEY=VALUE", "selinux=permissive"),
    "kernel path": ({}, {"kernel": "/no/such/Image"}, "no such file", ""),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_whatever_is_wrong_is_said_with_what_to_do(tmp_path: Path, case: str) -> None:
    files, changed, message, hint = WRONG[case]
    folder = images.cuttlefish(tmp_path, **files)
    if "files" in changed:
        names = {role: str(folder / f"{role}.img") for role in changed["files"]}  # type: ignore[attr-defined]
        changed = {**changed, "files": names}
    with pytest.raises(UsageError, match=message) as caught:
        judge(opened(folder, **changed), memory_mib=2048).require()
    error = caught.value
    assert error.exit_code == 2
    assert hint in error.hint
    assert error.where


def test_a_kernel_without_xen_lists_all_that_is_missing_and_what_it_means(tmp_path: Path) -> None:
    error = first_problem(images.cuttlefish(tmp_path, boot=GKI))
    assert len([line for line in error.context if "not set" in line]) == 5
    assert any("no disk xvda" in line for line in error.context)


def test_the_projects_kernel_is_refused_for_what_it_cannot_boot(tmp_path: Path) -> None:
    own = OwnKernel(tmp_path / "Image", tmp_path / "config")
    own.image.write_bytes(images.kernel(None))
    own.config.write_text(images.XEN_CONFIG.replace("CONFIG_BLK_DEV_DM=y\n", ""))
    image = open_image(spec_of(images.cuttlefish(tmp_path / "image"), kernel="own"), own)
    with pytest.raises(UsageError, match="does not get a cuttlefish image past") as caught:
        judge(image, memory_mib=2048).require()
    assert any("CONFIG_BLK_DEV_DM is not set" in line for line in caught.value.context)
    assert "raw-disk" in caught.value.hint


def test_one_problem_does_not_hide_another(tmp_path: Path) -> None:
    error = first_problem(images.cuttlefish(tmp_path, boot=GKI, super=X86_SUPER))
    assert "CONFIG_XEN" in error.message
    assert any("programs are for x86_64" in line for line in error.context)


def test_too_little_memory_is_refused_and_little_is_remarked_on(tmp_path: Path) -> None:
    image = opened(images.cuttlefish(tmp_path))
    with pytest.raises(UsageError, match="512 MiB: no cuttlefish image boots in less than 1024"):
        judge(image, memory_mib=512).require()
    verdict = judge(image, memory_mib=1024)
    assert verdict.problems == ()
    assert any("1024 MiB is little" in note for note in verdict.notes)


def test_a_full_disk_is_noticed_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = opened(images.cuttlefish(tmp_path / "image"))
    (tmp_path / "out").mkdir()
    full = (100 << 30, 100 << 30, 1 << 20)
    usage = type("usage", (), dict(zip(("total", "used", "free"), full, strict=True)))
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    with pytest.raises(SetupError, match="not enough room for the guest's disk"):
        assemble(image, tmp_path / "out", "phone")
    assert not (tmp_path / "out" / "phone.img").exists()


def test_two_files_for_one_role_are_told_by_name_or_refused(tmp_path: Path) -> None:
    folder = images.cuttlefish(tmp_path)
    (folder / "recovery.img").write_bytes((folder / "boot.img").read_bytes())
    image = opened(folder)
    assert image_path(image, "boot") == "boot.img"
    assert any("recovery.img" in note for note in judge(image).notes)
    (folder / "boot.img").rename(folder / "other.img")
    with pytest.raises(UsageError, match=r"2 files could be boot: other.img, recovery.img"):
        opened(folder)
    named = {"boot": str(folder / "other.img")}
    assert image_path(opened(folder, files=named), "boot") == "other.img"


def test_a_kernel_without_its_configuration_is_let_through_with_a_remark(tmp_path: Path) -> None:
    folder = images.cuttlefish(tmp_path, boot=images.boot_v4(images.kernel(None), b""))
    verdict = judge(opened(folder), memory_mib=2048)
    assert verdict.problems == ()
    assert any("carries no configuration" in note for note in verdict.notes)
