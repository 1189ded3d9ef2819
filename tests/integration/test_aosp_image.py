# SPDX-License-Identifier: GPL-2.0-or-later
"""A user's own Android image as a guest: our debian-art, packed as a build of Android packs it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.build.artifacts import existing
from harness.deadline import Deadline
from harness.errors import GuestError, UsageError
from harness.testbed import Guest, State, Testbed, boot
from harness.testing import TestbedPool
from tests.integration import aosp_guest

NAME = "phone"


def digests(folder: Path) -> dict[str, str]:
    """Of every file of an image."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
    }


def overrides(folder: Path, **changed: str) -> list[str]:
    """A testbed with nothing but this image as a guest."""
    keys = {
        "board.memory_mib": "1792",
        "guests.linux.enabled": "false",
        "guests.android.enabled": "false",
        f"guests.{NAME}.kind": "aosp-image",
        f"guests.{NAME}.memory_mib": "1024",
        f"guests.{NAME}.image.kind": "cuttlefish",
        f"guests.{NAME}.image.kernel": "image",
        f"guests.{NAME}.image.dir": str(folder),
        f"guests.{NAME}.image.userdata_mib": "64",
        f"guests.{NAME}.image.boot_timeout_s": "600",
    } | changed
    return [f"{key}={value}" for key, value in keys.items()]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the packed images."""
    return aosp_guest.pack(tmp_path_factory.mktemp("aosp"))


@pytest.fixture(scope="module")
def before(image: Path) -> dict[str, str]:
    """What the images were before any boot."""
    return digests(image)


@pytest.fixture
def testbed_of_image(before: dict[str, str], image: Path, testbeds: TestbedPool) -> Testbed:
    """A testbed whose one guest is the image, booted."""
    return testbeds.get("default", overrides(image))


@pytest.fixture
def phone(testbed_of_image: Testbed) -> Guest:
    """That guest."""
    return testbed_of_image.guests[NAME]


def test_the_image_is_taken_for_what_it_is(image: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli.app", "android-image", "inspect", str(image), "--json"],
        capture_output=True, check=True,
    )  # fmt: skip
    document = json.loads(done.stdout)
    assert document["boots"]
    assert {part["role"]: part["sparse"] for part in document["parts"]} == {
        "boot": False, "init_boot": False, "vendor_boot": False, "super": True, "vbmeta": False,
        "vbmeta_system": False,
    }  # fmt: skip
    assert document["boot_header"] == 4
    assert document["kernel"]["page_kib"] == 4
    assert document["programs"]["arm64"] > 10


def test_the_image_boots_to_its_end_from_the_partitions_of_one_disk(
    phone: Guest, image: Path, before: dict[str, str]
) -> None:
    log = phone.wait_console(f"XMC-GUEST-READY {NAME}", Deadline(60))
    for name in ("boot_a", "init_boot_a", "vendor_boot_a", "vbmeta_a", "vbmeta_system_a", "super",
                 "metadata", "misc", "userdata"):  # fmt: skip
        assert f"XMC-FIRST-STAGE partition {name}" in log
    assert "XMC-FIRST-STAGE mounted system_a" in log
    assert "XMC-FIRST-STAGE laid over: generic, vendor says hello" in log
    assert digests(image) == before


def test_commands_and_files_go_in_and_out_over_adb(phone: Guest, tmp_path: Path) -> None:
    adb = phone.transport
    assert adb.succeed("getprop sys.boot_completed") == "1"
    assert adb.succeed(["echo", "two words", "$HOME"]) == "two words $HOME"
    failed = adb.run("echo out; echo err >&2; exit 7")
    assert (failed.status, failed.stdout, failed.stderr) == (7, b"out\n", b"err\n")
    assert adb.run("wc -c", stdin=bytes(range(256)) * 100).text.strip() == "25600"
    content = bytes(range(256)) * 5000
    (tmp_path / "up").write_bytes(content)
    adb.push(tmp_path / "up", "/data/local/tmp/up")
    adb.pull("/data/local/tmp/up", tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == content
    with pytest.raises(GuestError):
        adb.pull("/no/such/file", tmp_path / "none")
    assert not list(tmp_path.glob("none*"))


def test_its_domain_is_one_like_any_other(phone: Guest, testbed_of_image: Testbed) -> None:
    assert testbed_of_image.xl.domains()[NAME].memory_mib == 1024
    assert "ssh" in testbed_of_image.dom0.succeed(
        f"nc {phone.config.ip} 22 < /dev/null | head -n 1"
    ).lower()  # fmt: skip
    assert phone.controller.stats().nominal >= 1024 * 256
    memory = phone.transport.succeed("grep MemTotal /proc/meminfo")
    assert 900_000 < int(memory.split()[1]) < 1024 * 1024
    assert "androidboot.hardware=debian_art" in phone.transport.succeed("cat /proc/cmdline")


def test_an_image_that_cannot_boot_is_refused_before_anything_starts(image: Path) -> None:
    wrong = overrides(image, **{f"guests.{NAME}.image.kernel": str(image / "super.img")})
    with pytest.raises(UsageError, match="is no arm64 kernel Image") as caught:
        boot("default", overrides=wrong, name="test-aosp-wrong", until=State.DOM0)
    assert caught.value.where.startswith(f"guests.{NAME}.image")


@pytest.mark.slow
def test_a_disk_of_ones_own_boots_with_the_projects_kernel_and_stays_as_it_is(
    testbeds: TestbedPool,
) -> None:
    root = existing().android_root
    assert root is not None, "harness build images"
    before = hashlib.sha256(root.path.read_bytes()).digest()
    testbed = testbeds.get(
        "default",
        [
            "guests.linux.enabled=false",
            "guests.android.enabled=false",
            f"guests.{NAME}.kind=aosp-image",
            f"guests.{NAME}.memory_mib=128",
            f"guests.{NAME}.image.kind=raw-disk",
            f"guests.{NAME}.image.disk={root.path}",
            f'guests.{NAME}.image.cmdline_extra="root=/dev/xvda rw init=/init"',
            f"guests.{NAME}.image.boot_timeout_s=600",
        ],
    )
    adb = testbed.guests[NAME].transport
    adb.succeed("echo changed > /data/changed")
    assert adb.succeed("hostname") == NAME
    assert hashlib.sha256(root.path.read_bytes()).digest() == before
