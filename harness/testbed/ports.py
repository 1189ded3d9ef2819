# SPDX-License-Identifier: GPL-2.0-or-later
"""Ports of the loopback interface for ssh and adb."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from harness.config.model import Profile
from harness.errors import SetupError
from harness.machine.argv import adb_port


def wanted_ports(profile: Profile) -> dict[str, int]:
    """The profile's ports; 0 stands for any free one."""
    wanted = {"dom0": profile.dom0.ssh_port}
    wanted |= {name: guest.ssh_port for name, guest in profile.guests.items()}
    androids = [guest.name for guest in profile.guests.values() if guest.kind.has_adbd]
    return wanted | {adb_port(name): 0 for name in androids}


def choose_ports(profile: Profile) -> dict[str, int]:
    """A free port for dom0 and each guest: the profile's, or any; a second for adb.

    All are held until all are chosen, so they differ. Raises SetupError for a busy one.
    """
    chosen: dict[str, int] = {}
    with ExitStack() as held:
        for name, port in wanted_ports(profile).items():
            sock = held.enter_context(socket.socket())
            try:
                sock.bind(("127.0.0.1", port))
            except OSError as error:
                key = "dom0.ssh_port" if name == "dom0" else f"guests.{name}.ssh_port"
                raise SetupError(
                    f"port {port} of the loopback interface is busy: {error.strerror}",
                    where=key,
                    hint=f"--set {key}=0 takes a free one",
                ) from error
            chosen[name] = sock.getsockname()[1]
    return chosen
