# SPDX-License-Identifier: GPL-2.0-or-later
"""The QEMU command line of a guest's kernel and image on a board of their own, without Xen.

As few devices as serve: each takes memory that a guest of Xen's does not have to give. virtio's
console alone is 4 MiB of buffers, so the kernel speaks on the board's UART.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.config.model import Board, Guest
from harness.machine.argv import QEMU, SSH_PORT, escape, identity

UART_SOCKET = "uart.sock"


@dataclass(frozen=True, slots=True)
class AloneFiles:
    """kernel, and what the guest boots from: an initrd, or a qcow2 disk."""

    kernel: Path
    initrd: Path | None = None
    disk: Path | None = None


def alone_argv(
    guest: Guest, board: Board, files: AloneFiles, *, ssh_port: int, public_key: str
) -> list[str]:
    """The board of the profile with the guest's memory and processors, and nothing between."""
    argv = [QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
    # No ITS: Xen's virtual board has none, and its tables would be the guest's memory.
    its = ",its=off" if board.gic == 3 else ""
    argv += ["-machine", f"virt,gic-version={board.gic}{its}"]
    argv += ["-cpu", board.cpu, "-smp", str(guest.vcpus), "-m", f"{guest.memory_mib}M"]
    argv += ["-accel", f"tcg,thread={board.thread}"]
    if board.icount_shift is not None:
        argv += ["-icount", f"shift={board.icount_shift}"]
    argv += ["-chardev", f"socket,id=uart,path={UART_SOCKET}", "-serial", "chardev:uart"]
    argv += ["-kernel", str(files.kernel)]
    # panic=-1 and -no-reboot: a kernel that panics ends QEMU.
    words = ["console=ttyAMA0", "panic=-1", "loglevel=6"]
    if files.initrd is not None:
        argv += ["-initrd", str(files.initrd)]
        words += ["rdinit=/init"]
    if files.disk is not None:
        drive = f"if=none,id=root,format=qcow2,cache=unsafe,file={escape(str(files.disk))}"
        argv += ["-drive", drive, "-device", "virtio-blk-device,drive=root"]
        words += ["root=/dev/vda", "rw", "init=/init"]
    words += [*identity(guest.name, guest.ip, public_key), *guest.options]
    argv += ["-append", " ".join(words)]
    argv += ["-netdev", f"user,id=net0,hostfwd=tcp:127.0.0.1:{ssh_port}-{guest.ip}:{SSH_PORT}"]
    argv += ["-device", "virtio-net-device,netdev=net0", "-device", "virtio-rng-device"]
    return argv
