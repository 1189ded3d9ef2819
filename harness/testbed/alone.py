# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest without Xen: its kernel and image on the board itself, for as long as a block lasts.

No state file and no supervisor: nobody else can reach it, and QEMU ends with this process.
"""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from harness.config.model import GuestKind, Profile
from harness.deadline import Deadline
from harness.errors import GuestError, SetupError, UsageError
from harness.machine.alone import UART_SOCKET, AloneFiles, alone_argv
from harness.machine.console import Console
from harness.machine.qemu import QemuProcess
from harness.testbed.assets import make_overlay
from harness.transport.keys import make_key
from harness.transport.ssh import SshTransport

# What the Android image says of itself when its applications can be started.
BOOTED = "getprop sys.boot_completed"


@contextmanager
def alone(profile: Profile, name: str, files: Mapping[str, str]) -> Iterator[SshTransport]:
    """Boot a guest of the profile without Xen and wait until it answers; the way into it.

    files: paths of the artifacts by name, as in a testbed's request

    Raises GuestError when it says something bad or is not up in time, MachineError when QEMU
    ends, UsageError for a guest that boots under Xen only.
    """
    guest = profile.guests[name]
    if guest.kind is GuestKind.AOSP:
        raise UsageError("a user's own Android image boots under Xen only", where=f"guest {name}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="xmc-alone-")))
        port = _free_port()
        argv = alone_argv(
            guest,
            profile.board,
            _files(guest.kind, files, folder),
            ssh_port=port,
            public_key=make_key(folder / "key"),
        )
        began_s = time.monotonic()
        qemu = stack.enter_context(QemuProcess(argv, cwd=folder, sockets=(UART_SOCKET,)))
        console = stack.enter_context(
            Console(
                name,
                qemu.sockets[UART_SOCKET],
                log_dir=folder,
                clock=lambda: time.monotonic() - began_s,
                allow=guest.allow,
            )
        )

        def alive() -> None:
            console.check()
            if not qemu.alive:
                raise qemu.lost(f"{name} without Xen; its last words: {console.last_line}")

        ssh = SshTransport(name, port, folder / "key", alive=alive)
        stack.callback(ssh.close)
        deadline = Deadline(profile.boot_s(guest))
        ssh.wait_up(deadline)
        ssh.run("true", timeout_s=max(1.0, deadline.remaining_s())).check(ssh.where)
        while guest.kind is GuestKind.ANDROID and not _booted(ssh, deadline):
            alive()
            if deadline.expired:
                raise GuestError(f"{BOOTED} never was 1", where=f"{name} without Xen")
            time.sleep(0.5)
        yield ssh
        alive()


def _booted(ssh: SshTransport, deadline: Deadline) -> bool:
    return ssh.run(BOOTED, timeout_s=max(1.0, deadline.remaining_s())).text.strip() == "1"


def _files(kind: GuestKind, files: Mapping[str, str], folder: Path) -> AloneFiles:
    names = ("kernel", "linux_initrd" if kind is GuestKind.LINUX else "android_root")
    for name in names:
        if not Path(files.get(name, "")).is_file():
            raise SetupError(f"{name} is not built", hint="harness build")
    kernel, image = (Path(files[name]) for name in names)
    if kind is GuestKind.LINUX:
        return AloneFiles(kernel, initrd=image)
    disk = folder / "root.qcow2"
    make_overlay(disk, image)
    return AloneFiles(kernel, disk=disk)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
