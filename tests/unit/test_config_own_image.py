# SPDX-License-Identifier: GPL-2.0-or-later
"""A user's own Android image in a profile, and what the rest of the testbed makes of it."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from harness.build.aosp import ImageKind
from harness.config import GuestKind, load_profile
from harness.config.model import Control
from harness.errors import UsageError
from harness.machine.disks import Disk, Role, guest_disks
from harness.testbed import own_images
from harness.testbed.assets import write_assets, xl_config
from harness.testbed.own_images import Payload
from tests.unit import aosp_images as images

IMAGE = "guests.phone.image"
BESIDE = ["guests.android.enabled=true", "guests.android.memory_mib=104"]


def test_the_shipped_profile_wants_only_the_folder_of_the_image() -> None:
    guest = load_profile("aosp", overrides=[f"{IMAGE}.dir=/images"]).profile.guests["phone"]
    assert guest.kind is GuestKind.AOSP
    assert guest.image is not None
    assert (guest.image.kind, guest.image.dir) == (ImageKind.CUTTLEFISH, "/images")
    assert (guest.image.kernel, guest.image.slot, guest.image.verify) == ("image", "_a", False)
    assert (guest.image.adb_port, guest.image.boot_timeout_s) == (5555, 3600)
    assert guest.image.boot_devices == "51712"
    assert guest.control is Control.ADB


def test_every_key_of_an_image_reaches_it() -> None:
    keys = ["boot=/b", "super=~/s", 'cmdline_extra="a b=1"', 'bootconfig_extra=["androidboot.x=1"]',
            "kernel=/k/Image", 'slot=""', "verify=on", "userdata_mib=64", "adb.port=5556",
            "boot_devices=xvda", "kind=doma"]  # fmt: skip
    found = load_profile("aosp", overrides=[f"{IMAGE}.{key}" for key in keys]).profile
    image = found.guests["phone"].image
    assert image is not None
    assert image.files == {"boot": "/b", "super": str(Path("~/s").expanduser())}
    assert image.cmdline_extra == ("a b=1",)
    assert image.bootconfig_extra == ("androidboot.x=1",)
    assert (image.kernel, image.slot, image.verify, image.adb_port) == ("/k/Image", "", True, 5556)
    assert found.boot_s(found.guests["phone"]) == 3600


@pytest.mark.parametrize(
    ("override", "message", "hint"),
    [
        (f"{IMAGE}.dir=relative/path", "paths are absolute", ""),
        (f"{IMAGE}.kernel=mine", "paths are absolute", ""),
        (f"{IMAGE}.slot=_c", "Input should be '_a', '_b' or ''", ""),
        (f"{IMAGE}.kind=gsi", "Input should be 'cuttlefish', 'doma' or 'raw-disk'", ""),
        (f"{IMAGE}.kernle=own", "unknown key 'kernle'", "did you mean 'kernel'?"),
        ("guests.phone.memory_mib=512", "no aosp-image guest boots in less than 1024 MiB", ""),
        ("guests.phone.kind=android", "a table image belongs to kind aosp-image", ""),
        ("guests.linux.kind=aosp-image", "a table image belongs to kind aosp-image", ""),
    ],
)
def test_what_is_wrong_in_the_profile_is_said_with_its_key(
    override: str, message: str, hint: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load_profile("aosp", overrides=[override])
    assert override.partition("=")[0].rpartition(".")[0] in caught.value.where
    assert caught.value.hint == hint


def test_a_testbed_holds_one_such_image() -> None:
    second = ["board.memory_mib=8192", "guests.other.kind=aosp-image",
              "guests.other.memory_mib=2048", "guests.other.image.kind=cuttlefish"]  # fmt: skip
    with pytest.raises(UsageError, match="phone is an aosp-image as well"):
        load_profile("aosp", overrides=second)


def test_each_guest_with_a_disk_has_its_own() -> None:
    profile = load_profile("aosp", overrides=BESIDE).profile
    found = {disk.name: disk.in_dom0 for disk in guest_disks(profile)}
    assert found == {"android": "/dev/vdb", "phone": "/dev/vdc"}


def payload(folder: Path, *, words: str = "quiet", size: int = 1000) -> Payload:
    for name in ("phone.Image", "phone.ramdisk"):
        (folder / name).write_bytes(b"x" * size)
    return Payload(folder / "phone.Image", folder / "phone.ramdisk", words)


def test_its_domain_is_started_from_its_own_kernel_and_words(tmp_path: Path) -> None:
    guest = load_profile("aosp").profile.guests["phone"]
    disk = Disk("phone", "phone", Role.ROOT, "/dev/vdc")
    words = r'androidboot.x="p q" back\slash'
    text = xl_config(guest, "KEY", disks=[disk], payload=payload(tmp_path, words=words))
    assert 'kernel = "/guests/phone.Image"' in text
    assert 'ramdisk = "/guests/phone.ramdisk"' in text
    assert 'disk = ["phy:/dev/vdc,xvda,w"]' in text
    assert r"loglevel=6 androidboot.x=\"p q\" back\\slash xmc.host=phone " in text
    assert "root=" not in text
    with pytest.raises(UsageError, match="kernel command line of"):
        xl_config(guest, "KEY", payload=payload(tmp_path, words="w" * 2000))


def test_dom0_is_given_the_image_and_must_be_large_enough(tmp_path: Path) -> None:
    profile = load_profile("aosp").profile

    def write(one: Payload) -> list[str]:
        write_assets(
            tmp_path / "assets.tar",
            profile,
            kernel=tmp_path / "none",
            linux_initrd=None,
            public_key="KEY",
            payloads={"phone": one},
        )
        with tarfile.open(tmp_path / "assets.tar") as archive:
            return archive.getnames()

    assert write(payload(tmp_path)) == ["phone.Image", "phone.ramdisk", "phone.cfg"]
    with (tmp_path / "phone.ramdisk").open("wb") as file:
        file.truncate(300 << 20)
    with pytest.raises(UsageError, match="dom0 needs 728 MiB to start these guests"):
        write(Payload(tmp_path / "phone.Image", tmp_path / "phone.ramdisk", ""))


def test_an_image_is_prepared_or_refused_by_its_key(tmp_path: Path) -> None:
    folder = images.cuttlefish(tmp_path / "image")
    profile = load_profile(
        "aosp", overrides=[f"{IMAGE}.dir={folder}", f"{IMAGE}.userdata_mib=1"]
    ).profile
    before = own_images.digests(profile)
    (tmp_path / "bed").mkdir()
    files = own_images.prepare(profile, tmp_path / "bed", {"kernel": "/none"})
    assert set(files) == {"phone.kernel", "phone.ramdisk", "phone.cmdline", "phone.disk"}
    found = own_images.payloads(profile, {name: Path(path) for name, path in files.items()})
    assert found["phone"].cmdline == "loglevel=4 printk.devkmsg=on bootconfig"
    assert own_images.digests(profile) == before
    (folder / "super.img").unlink()
    assert own_images.digests(profile) != before
    with pytest.raises(UsageError, match=r"no super.img") as caught:
        own_images.prepare(profile, tmp_path / "bed", {"kernel": "/none"})
    assert caught.value.where == f"guests.phone.image: {folder}"
