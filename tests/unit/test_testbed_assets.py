# SPDX-License-Identifier: GPL-2.0-or-later
"""What dom0 is given, and the ports that lead in."""

from __future__ import annotations

import hashlib
import socket
import tarfile
from pathlib import Path

import pytest

from harness.config import load_profile
from harness.errors import SetupError
from harness.machine.disks import Disk, Role, guest_disks
from harness.testbed.assets import make_disks, make_overlay, write_assets, xl_config
from harness.testbed.ports import choose_ports

# Whichever of the two guests the shipped profile starts by itself.
BOTH = ["guests.linux.enabled=true", "guests.android.enabled=true"]


def test_a_linux_guest_boots_its_initrd_with_its_identity() -> None:
    config = xl_config(load_profile(overrides=BOTH).profile.guests["linux"], "KEY")
    assert 'name = "linux"' in config
    assert 'ramdisk = "/guests/linux.initrd"' in config
    assert "memory = 64" in config
    assert "vcpus = 2" in config
    assert 'vif = ["mac=00:16:3e:00:00:15,bridge=xenbr0"]' in config
    assert "rdinit=/init xmc.host=linux xmc.ip=10.0.2.21/24 xmc.gw=10.0.2.2 xmc.key=KEY" in config
    assert "\ndisk" not in config


def test_an_android_guest_boots_from_its_disk() -> None:
    guest = load_profile(overrides=BOTH).profile.guests["android"]
    config = xl_config(guest, "KEY", disks=[Disk("android", "android", Role.ROOT, "/dev/vdb")])
    assert 'disk = ["phy:/dev/vdb,xvda,w"]' in config
    assert "root=/dev/xvda rw init=/init" in config
    assert "\nramdisk" not in config


def test_a_guest_that_swaps_has_an_empty_disk_and_small_rings(tmp_path: Path) -> None:
    overrides = ["guests.linux.swap_mib=256", "guests.linux.programs=true"]
    profile = load_profile(overrides=[*BOTH, *overrides]).profile
    disks = [disk for disk in guest_disks(profile) if disk.guest == "linux"]
    config = xl_config(profile.guests["linux"], "KEY", disks=disks)
    assert 'disk = ["phy:/dev/vdb,xvdb,w", "phy:/dev/vdc,xvdc,r"]' in config
    assert "xen_blkfront.max_queues=1" in config
    files = {"android_root": tmp_path / "android.ext4", "programs": tmp_path / "programs.ext4"}
    for path in files.values():
        path.write_bytes(bytes(1 << 20))
    made = make_disks(profile, tmp_path, files)
    assert made["linux.programs"] == files["programs"]
    assert made["linux.swap"].stat().st_size < 1 << 20
    with pytest.raises(SetupError, match="programs is not built"):
        make_disks(profile, tmp_path, {"android_root": files["android_root"]})


def test_assets_are_whole_sectors_and_the_same_for_the_same_inputs(tmp_path: Path) -> None:
    (tmp_path / "Image").write_bytes(b"k" * 1001)
    (tmp_path / "initrd").write_bytes(b"i" * 777)
    digests = set()
    for name in ("one.tar", "two.tar"):
        write_assets(
            tmp_path / name,
            load_profile(overrides=BOTH).profile,
            kernel=tmp_path / "Image",
            linux_initrd=tmp_path / "initrd",
            public_key="KEY",
        )
        content = (tmp_path / name).read_bytes()
        assert len(content) % 512 == 0
        digests.add(hashlib.sha256(content).hexdigest())
    assert len(digests) == 1
    with tarfile.open(tmp_path / "one.tar") as archive:
        assert archive.getnames() == ["Image", "linux.initrd", "linux.cfg", "android.cfg"]


def test_an_overlay_over_nothing_is_a_matter_of_setting_up(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="qemu-img"):
        make_overlay(tmp_path / "o.qcow2", tmp_path / "missing.img")


def test_ports_are_free_and_differ() -> None:
    ports = choose_ports(load_profile(overrides=BOTH).profile)
    assert set(ports) == {"dom0", "linux", "android", "android.adb"}
    assert len(set(ports.values())) == 4


def test_a_busy_port_is_named_with_its_key() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        profile = load_profile(overrides=[*BOTH, f"guests.linux.ssh_port={port}"]).profile
        with pytest.raises(SetupError) as caught:
            choose_ports(profile)
    assert str(port) in caught.value.message
    assert caught.value.where == "guests.linux.ssh_port"
