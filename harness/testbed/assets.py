# SPDX-License-Identifier: GPL-2.0-or-later
"""What dom0 is given for its guests: kernels, initrds and xl configs, in one tar archive.

dom0 finds the archive as /dev/vda and unpacks it below /guests; no file system, no root, and the
same bytes for the same inputs.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from harness.config.model import Guest, GuestKind, Profile
from harness.errors import SetupError
from harness.machine.argv import identity

GUESTS_DIR = "/guests"
KERNEL = "Image"
LINUX_INITRD = "linux.initrd"
ANDROID_DISK = "/dev/vdb"
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


def xl_config(guest: Guest, public_key: str) -> str:
    """The xl config of a guest."""
    options = [*COMMON_OPTIONS]
    lines = [
        f'name = "{guest.name}"',
        f'kernel = "{GUESTS_DIR}/{KERNEL}"',
    ]
    if guest.kind is GuestKind.LINUX:
        options.append("rdinit=/init")
        lines.append(f'ramdisk = "{GUESTS_DIR}/{LINUX_INITRD}"')
    else:
        options += ["root=/dev/xvda", "rw", "init=/init", *SMALL_RINGS]
        lines.append(f'disk = ["phy:{ANDROID_DISK},xvda,w"]')
    options += [*identity(guest.name, guest.ip, public_key), *guest.options]
    lines += [
        f'extra = "{" ".join(options)}"',
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
    path: Path, profile: Profile, *, kernel: Path, linux_initrd: Path | None, public_key: str
) -> None:
    """Write the archive, padded to whole sectors as a disk must be."""
    kinds = {guest.kind for guest in profile.guests.values()}
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        if kinds:
            _add(archive, KERNEL, kernel.read_bytes())
        if GuestKind.LINUX in kinds:
            if linux_initrd is None:
                raise SetupError("the linux image is not built", hint="harness build images")
            _add(archive, LINUX_INITRD, linux_initrd.read_bytes())
        for guest in profile.guests.values():
            _add(archive, f"{guest.name}.cfg", xl_config(guest, public_key).encode())
    # tarfile ends with a whole record of 10240 bytes; QEMU wants sectors, which that is.


def make_overlay(path: Path, base: Path) -> None:
    """A disk of this testbed alone over a built image: QEMU locks what it writes to."""
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(base), str(path)]
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
