# SPDX-License-Identifier: GPL-2.0-or-later
"""What dom0 is given for its guests: kernels, initrds and xl configs, in one tar archive.

dom0 finds the archive as /dev/vda and unpacks it below /guests; no file system, no root, and the
same bytes for the same inputs.
"""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.build.aosp.arguments import check_length
from harness.config.model import Guest, GuestKind, Profile
from harness.errors import SetupError, UsageError
from harness.machine.argv import identity
from harness.machine.disks import Disk, Role, guest_disks
from harness.testbed import own_images
from harness.testbed.own_images import Payload

GUESTS_DIR = "/guests"
KERNEL = "Image"
LINUX_INITRD = "linux.initrd"
# Name of the artifact that is the disk of real programs.
PROGRAMS = "programs"
# What dom0 needs beside what it is given for its guests, which xl reads into memory once more.
DOM0_MIB = 128
# A guest's panic is an end, not a loop of reboots; what it says is on its console.
COMMON_OPTIONS = ("console=hvc0", "panic=-1", "loglevel=6")
# The rings of the front ends hold 13 MiB of a guest with two vCPUs, as they are by default: pages
# that are granted, so that they can be neither given up nor compressed.
SMALL_RINGS = (
    "xen_blkfront.max_queues=1",
    "xen_blkfront.max_indirect_segments=0",
    "xen_netfront.max_queues=1",
)


def config_path(guest: Guest) -> str:
    """Where dom0 finds a guest's xl config."""
    return f"{GUESTS_DIR}/{guest.name}.cfg"


def xl_config(
    guest: Guest,
    public_key: str,
    *,
    disks: Sequence[Disk] = (),
    payload: Payload | None = None,
) -> str:
    """The xl config of a guest.

    disks:   those that it has
    payload: kernel, ramdisk and words of a user's own image
    """
    kernel = f"{guest.name}.{KERNEL}" if payload else KERNEL
    options = [*COMMON_OPTIONS]
    lines = [
        f'name = "{guest.name}"',
        f'kernel = "{GUESTS_DIR}/{kernel}"',
    ]
    if payload is not None:
        options.append(payload.cmdline)
        if payload.ramdisk is not None:
            lines.append(f'ramdisk = "{GUESTS_DIR}/{guest.name}.ramdisk"')
    elif guest.kind is GuestKind.LINUX:
        options.append("rdinit=/init")
        lines.append(f'ramdisk = "{GUESTS_DIR}/{LINUX_INITRD}"')
    else:
        options += ["root=/dev/xvda", "rw", "init=/init"]
    if disks:
        options += SMALL_RINGS if payload is None else ()
        lines.append(f"disk = [{', '.join(json.dumps(disk.of_xl) for disk in disks)}]")
    options += [*identity(guest.name, guest.ip, public_key), *guest.options]
    extra = check_length(" ".join(word for word in options if word))
    # In a string of xl's a quote or a backslash of the line's own is behind a backslash.
    escaped = extra.replace("\\", "\\\\").replace('"', '\\"')
    lines += [
        f'extra = "{escaped}"',
        f"memory = {guest.memory_mib}",
        f"vcpus = {guest.vcpus}",
        f'vif = ["mac={mac_address(guest)},bridge=xenbr0"]',
        'on_poweroff = "destroy"',
        'on_reboot = "destroy"',
        # What crashed stays to be looked at: xl list says so, and gdb can read it.
        'on_crash = "preserve"',
    ]
    return "\n".join(lines) + "\n"


def mac_address(guest: Guest) -> str:
    """Xen's prefix and the last byte of the guest's address."""
    return f"00:16:3e:00:00:{int(guest.ip.rsplit('.', 1)[1]):02x}"


def write_assets(
    path: Path,
    profile: Profile,
    *,
    kernel: Path,
    linux_initrd: Path | None,
    public_key: str,
    payloads: Mapping[str, Payload] | None = None,
) -> None:
    """Write the archive, padded to whole sectors as a disk must be.

    payloads: of guests that are users' own images, by name
    Raises UsageError when dom0 is too small to hold them.
    """
    payloads = payloads or {}
    kinds = {guest.kind for guest in profile.guests.values()}
    _require_room(profile, payloads)
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        if kinds - {GuestKind.AOSP}:
            _add(archive, KERNEL, kernel.read_bytes())
        if GuestKind.LINUX in kinds:
            if linux_initrd is None:
                raise SetupError("the linux image is not built", hint="harness build images")
            _add(archive, LINUX_INITRD, linux_initrd.read_bytes())
        for guest in profile.guests.values():
            payload = payloads.get(guest.name)
            if payload is not None:
                _add(archive, f"{guest.name}.{KERNEL}", payload.kernel.read_bytes())
                if payload.ramdisk is not None:
                    _add(archive, f"{guest.name}.ramdisk", payload.ramdisk.read_bytes())
            disks = [disk for disk in guest_disks(profile) if disk.guest == guest.name]
            config = xl_config(guest, public_key, disks=disks, payload=payload)
            _add(archive, f"{guest.name}.cfg", config.encode())
    # tarfile ends with a whole record of 10240 bytes; QEMU wants sectors, which that is.


def _require_room(profile: Profile, payloads: Mapping[str, Payload]) -> None:
    files = [path for one in payloads.values() for path in (one.kernel, one.ramdisk) if path]
    needed = DOM0_MIB + 2 * sum(path.stat().st_size for path in files) // (1 << 20)
    if files and needed > profile.dom0.memory_mib:
        raise UsageError(
            f"dom0 needs {needed} MiB to start these guests and has {profile.dom0.memory_mib}",
            where="dom0.memory_mib",
            hint=f"--set dom0.memory_mib={needed}",
        )


def disk_files(profile: Profile, folder: Path, files: Mapping[str, Path]) -> dict[str, Path]:
    """The file of each guest's disk, by the disk's name.

    folder: of the testbed, for those that it has for itself
    files:  artifacts by name
    """
    return {
        disk.name: _built(files, PROGRAMS) if disk.read_only else folder / f"{disk.name}.qcow2"
        for disk in guest_disks(profile)
    }


def make_disks(profile: Profile, folder: Path, files: Mapping[str, Path]) -> dict[str, Path]:
    """``disk_files``, of which those are made that this testbed has for itself."""
    paths = disk_files(profile, folder, files)
    for disk in guest_disks(profile):
        guest = profile.guests[disk.guest]
        if disk.role is Role.ROOT:
            base = own_images.disk(guest.name) if guest.image else "android_root"
            make_overlay(paths[disk.name], _built(files, base))
        elif disk.role is Role.SWAP:
            _qemu_img(paths[disk.name], f"{guest.swap_mib}M")
    return paths


def _built(files: Mapping[str, Path], name: str) -> Path:
    path = files.get(name)
    if path is None or not path.exists():
        raise SetupError(f"{name} is not built", where=str(path or ""), hint="harness build")
    return path


def make_overlay(path: Path, base: Path) -> None:
    """A disk of this testbed alone over a built image: QEMU locks what it writes to."""
    _qemu_img(path, options=["-F", "raw", "-b", str(base)])


def _qemu_img(path: Path, size: str = "", *, options: Sequence[str] = ()) -> None:
    command = ["qemu-img", "create", "-q", "-f", "qcow2", *options, str(path)]
    command += [size] if size else []
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    except FileNotFoundError as error:
        raise SetupError("no qemu-img here", hint="harness doctor") from error
    except subprocess.CalledProcessError as error:
        raise SetupError(f"qemu-img: {error.stderr.strip()}", where=str(path)) from error


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    member.mode = 0o644
    archive.addfile(member, io.BytesIO(content))
