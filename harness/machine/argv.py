# SPDX-License-Identifier: GPL-2.0-or-later
"""The QEMU command line, one flag a line, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.config.model import Profile
from harness.errors import UsageError
from harness.machine.disks import guest_disks

QEMU = "qemu-system-aarch64"
MIB = 1 << 20
RAM_BASE = 0x40000000
# Xen goes to the start of RAM and the device tree behind it; the modules start well above both.
# Where Xen is linked to (XEN_VIRT_START), and enough for its code.
XEN_CODE = "0xa0000200000+0x200000"
KERNEL_ADDRESS = 0x49000000
INITRD_ADDRESS = 0x4C000000

# virtio-mmio transports of the guests' disks, in dom0's order; 0 and 2 to 4 are in use.
DISK_SLOTS = (1, *range(5, 32))
DOM0_IP = "10.0.2.15"
GATEWAY = "10.0.2.2"
SSH_PORT = 22
ADBD_PORT = 5555

XEN_SOCKET = "xen.sock"
QMP_SOCKET = "qmp.sock"
CONTROL_SOCKET = "control.sock"
GDB_SOCKET = "gdb.sock"


@dataclass(frozen=True, slots=True)
class Files:
    """What the machine is started from."""

    xen: Path
    kernel: Path
    dom0_initrd: Path
    assets: Path
    """Raw tar archive: dom0's /dev/vda."""
    disks: Mapping[str, Path]
    """File of each disk of a guest (``harness.machine.disks``), by the disk's name."""


def guest_socket(name: str) -> str:
    """Name of the socket that carries the console of a guest."""
    return f"guest.{name}.sock"


def sockets(profile: Profile) -> tuple[str, ...]:
    """Names of the sockets that QEMU connects to."""
    return (XEN_SOCKET, QMP_SOCKET, *(guest_socket(name) for name in profile.guests))


def console_of(socket_name: str) -> str:
    """Name of the console behind a socket: ``xen``, or the guest's."""
    return socket_name.removeprefix("guest.").removesuffix(".sock")


def adb_port(guest: str) -> str:
    """Name of the loopback port that leads to the adbd of a guest."""
    return f"{guest}.adb"


def build_argv(
    profile: Profile, files: Files, *, ports: Mapping[str, int], public_key: str
) -> list[str]:
    """The command line; relative names in it are sockets in QEMU's working directory.

    ports:      loopback port of the ssh of ``dom0`` and of each guest; of adb by adb_port()
    public_key: base64 blob of the ed25519 key that may log in
    """
    board = profile.board
    initrd_address = _initrd_address(profile, files)
    argv = [QEMU]
    # Nothing that this file does not name: no default NIC, floppy, or ~/.config/qemu.
    argv += ["-nodefaults", "-no-user-config", "-display", "none"]
    # A reset is an end: Xen, dom0 and the guests reset when they panic.
    argv += ["-no-reboot"]
    # virtualization=on: EL2 exists, which is where Xen runs.
    argv += ["-machine", f"virt,virtualization=on,gic-version={board.gic}"]
    argv += ["-cpu", board.cpu]
    argv += ["-smp", str(board.cpus)]
    argv += ["-m", f"{board.memory_mib}M"]
    argv += ["-accel", f"tcg,thread={board.thread}"]
    if board.icount_shift is not None:
        # Virtual time counts instructions: measurements do not depend on the host.
        argv += ["-icount", f"shift={board.icount_shift}"]
        # Logs nothing by itself: what `log exec` would be about (harness run profile).
        argv += ["-dfilter", XEN_CODE]
    # QEMU connects to us, so the first byte already has a reader.
    argv += ["-chardev", f"socket,id=xen,path={XEN_SOCKET}"]
    argv += ["-serial", "chardev:xen"]
    argv += ["-chardev", f"socket,id=qmp,path={QMP_SOCKET}"]
    argv += ["-mon", "chardev=qmp,mode=control"]
    # The second QMP is for commands on the side (harness qmp, harness gdb); it listens.
    argv += ["-chardev", f"socket,id=control,path={CONTROL_SOCKET},server=on,wait=off"]
    argv += ["-mon", "chardev=control,mode=control"]
    argv += ["-kernel", str(files.xen)]
    argv += ["-append", " ".join(xen_options(profile))]
    # Xen learns of dom0's kernel and initrd by multiboot nodes in the device tree.
    argv += [
        "-device",
        f"guest-loader,addr={KERNEL_ADDRESS:#x},kernel={escape(str(files.kernel))}"
        f",bootargs={escape(' '.join(dom0_options(profile, public_key)))}",
    ]
    argv += [
        "-device",
        f"guest-loader,addr={initrd_address:#x},initrd={escape(str(files.dom0_initrd))}",
    ]
    # Buses named: dom0 finds the lowest address first, so vda, vdb and vdc stay what they are.
    argv += _disk("assets", files.assets, "raw", slot=0, read_only=True)
    for slot, disk in zip(DISK_SLOTS, guest_disks(profile), strict=False):
        path = files.disks[disk.name]
        argv += _disk(disk.name, path, disk.format, slot=slot, read_only=disk.read_only)
    argv += [
        "-netdev",
        ",".join(["user", "id=net0", *_leases(profile), *_forwards(profile, ports)]),
    ]
    argv += ["-device", "virtio-net-device,bus=virtio-mmio-bus.2,netdev=net0"]
    # ssh keys and hash seeds need entropy that an emulated board does not have.
    argv += ["-device", "virtio-rng-device,bus=virtio-mmio-bus.3"]
    argv += ["-device", "virtio-serial-device,bus=virtio-mmio-bus.4,max_ports=31"]
    for name in profile.guests:
        # dom0 copies each guest's console to the port of its name.
        argv += ["-chardev", f"socket,id=guest.{name},path={guest_socket(name)}"]
        argv += ["-device", f"virtserialport,chardev=guest.{name},name=guest.{name}"]
    # Where scenarios plug disks and network devices in; mmio slots cannot be plugged.
    argv += ["-device", "pcie-root-port,id=hotplug0,chassis=1"]
    return argv


def xen_options(profile: Profile) -> list[str]:
    """Xen's command line."""
    return [
        f"dom0_mem={profile.dom0.memory_mib}M",
        f"dom0_max_vcpus={profile.dom0.vcpus}",
        *profile.xen.options,
    ]


def dom0_options(profile: Profile, public_key: str) -> list[str]:
    """The command line of dom0's kernel."""
    return [*profile.dom0.options, *identity("dom0", DOM0_IP, public_key)]


def identity(name: str, ip: str, public_key: str) -> list[str]:
    """The words by which every image of ours learns who it is and who may log in."""
    return [
        f"xmc.host={name}",
        f"xmc.ip={ip}/24",
        f"xmc.gw={GATEWAY}",
        f"xmc.key={public_key}",
    ]


def _disk(name: str, path: Path, kind: str, *, slot: int, read_only: bool) -> Sequence[str]:
    # unsafe: what is on these disks is made anew for every boot.
    drive = f"if=none,id={name},format={kind},cache=unsafe,file={escape(str(path))}"
    drive += ",readonly=on" if read_only else ""
    device = f"virtio-blk-device,bus=virtio-mmio-bus.{slot},drive={name},serial={name}"
    return ["-drive", drive, "-device", device]


def _leases(profile: Profile) -> list[str]:
    """A user's own image asks for its address by DHCP: it is the only guest that does."""
    return [f"dhcpstart={guest.ip}" for guest in profile.guests.values() if guest.image]


def _forwards(profile: Profile, ports: Mapping[str, int]) -> list[str]:
    addresses = {"dom0": DOM0_IP} | {name: guest.ip for name, guest in profile.guests.items()}
    inside = {name: (ip, SSH_PORT) for name, ip in addresses.items()}
    # Of the loopback interface alone: whoever reaches adbd is root in the guest.
    inside |= {
        adb_port(guest.name): (guest.ip, guest.image.adb_port if guest.image else ADBD_PORT)
        for guest in profile.guests.values()
        if guest.kind.has_adbd
    }
    return [
        f"hostfwd=tcp:127.0.0.1:{ports[name]}-{ip}:{port}" for name, (ip, port) in inside.items()
    ]


def _initrd_address(profile: Profile, files: Files) -> int:
    """Behind the kernel, and with all of it inside the board. Raises UsageError."""
    kernel_end = KERNEL_ADDRESS + files.kernel.stat().st_size
    address = max(INITRD_ADDRESS, -(-kernel_end // (2 * MIB)) * 2 * MIB)
    end = address + files.dom0_initrd.stat().st_size
    if end > RAM_BASE + profile.board.memory_mib * MIB:
        raise UsageError(
            f"dom0's initrd ends at {(end - RAM_BASE) // MIB} MiB, behind the end of the board",
            where="board.memory_mib",
            hint=f"--set board.memory_mib={(end - RAM_BASE) // MIB + 64}",
        )
    return address


def escape(text: str) -> str:
    """A comma within the value of a QEMU option is written twice."""
    return text.replace(",", ",,")
