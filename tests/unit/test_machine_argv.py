# SPDX-License-Identifier: GPL-2.0-or-later
"""The QEMU command line, against golden files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from harness.config import load_profile, shipped_profiles
from harness.errors import UsageError
from harness.machine.argv import Files, build_argv, console_of, sockets
from harness.machine.disks import guest_disks
from harness.testbed.ports import wanted_ports

GOLDEN = Path(__file__).parent / "golden" / "argv"


def files(folder: Path, *, initrd_mib: int = 1, disks: Iterable[str] = ()) -> Files:
    """Sparse files of the sizes that matter."""
    for name, size in (("Image", 9 << 20), ("dom0", initrd_mib << 20)):
        with (folder / name).open("wb") as file:
            file.truncate(size)
    return Files(
        xen=Path("/built/xen"),
        kernel=folder / "Image",
        dom0_initrd=folder / "dom0",
        assets=Path("/bed/assets.tar"),
        disks={name: Path(f"/bed/{name}.qcow2") for name in disks},
    )


def argv(folder: Path, profile: str, *overrides: str, initrd_mib: int = 1) -> list[str]:
    # Whichever guests a shipped profile starts by itself.
    both = ["guests.android.enabled=true"]
    loaded = load_profile(profile, overrides=[*both, *overrides]).profile
    ports = {name: 2200 + n for n, name in enumerate(wanted_ports(loaded))}
    names = [disk.name for disk in guest_disks(loaded)]
    made = files(folder, initrd_mib=initrd_mib, disks=names)
    words = build_argv(loaded, made, ports=ports, public_key="AAAAKEY")
    return [word.replace(str(folder), "/built") for word in words]


@pytest.mark.parametrize("profile", shipped_profiles())
def test_command_line_is_the_golden_one(tmp_path: Path, profile: str) -> None:
    """XMC_UPDATE_GOLDEN=1 writes the golden files anew; their diff is the review."""
    golden = GOLDEN / f"{profile}.txt"
    text = "\n".join(argv(tmp_path, profile)) + "\n"
    if os.environ.get("XMC_UPDATE_GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()


def test_a_panic_ends_qemu_and_nothing_comes_from_outside(tmp_path: Path) -> None:
    words = argv(tmp_path, "default")
    assert {"-no-reboot", "-nodefaults", "-no-user-config"} <= set(words)


def test_without_android_there_is_no_second_disk(tmp_path: Path) -> None:
    words = " ".join(argv(tmp_path, "default", "guests.android.enabled=false"))
    assert "vdb" not in words
    assert "android" not in words


def test_commas_in_kernel_options_are_not_taken_for_qemu_options(tmp_path: Path) -> None:
    words = argv(tmp_path, "default", 'dom0.options=["console=ttyAMA0,115200"]')
    assert any("bootargs=console=ttyAMA0,,115200 " in word for word in words)


def test_an_initrd_that_does_not_fit_in_the_board_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="behind the end of the board"):
        argv(tmp_path, "default", initrd_mib=1000)


def test_each_guest_has_a_console_socket() -> None:
    profile = load_profile(overrides=["guests.android.enabled=true"]).profile
    names = [console_of(name) for name in sockets(profile)]
    assert names == ["xen", "qmp", "linux", "android"]
