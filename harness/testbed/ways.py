# SPDX-License-Identifier: GPL-2.0-or-later
"""Which way leads into a machine of a testbed: the one place that chooses a transport."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.config.model import Control, Profile
from harness.machine.argv import adb_port
from harness.testbed.record import Folder
from harness.transport.adb import AdbTransport
from harness.transport.base import CONNECT_S, Transport
from harness.transport.ssh import SshTransport


class Ways:
    """Transports of one testbed, each made when first asked for and kept.

    alive: makes the check that raises when the machine of a name is gone
    tell:  tell(WAY, machine=, command=, status=, took_s=) after each command
    """

    def __init__(
        self,
        profile: Profile,
        folder: Folder,
        ports: Mapping[str, int],
        *,
        alive: Callable[[str], Callable[[], None]],
        tell: Callable[..., None] = lambda kind, **fields: None,
        connect_s: float = CONNECT_S,
    ) -> None:
        self._profile = profile
        self._folder = folder
        self._ports = ports
        self._alive = alive
        self._tell = tell
        self._connect_s = connect_s
        self._ssh: dict[str, SshTransport] = {}
        self._adb: dict[str, AdbTransport] = {}

    def into(self, name: str) -> Transport:
        """By the way that the profile names."""
        guest = self._profile.guests.get(name)
        by_adb = guest is not None and guest.control is Control.ADB
        return self.adb(name) if by_adb else self.ssh(name)

    def ssh(self, name: str) -> SshTransport:
        """Into dom0 or a guest."""
        if name not in self._ssh:
            self._ssh[name] = SshTransport(
                name,
                self._ports[name],
                self._folder.key,
                alive=self._alive(name),
                ran=self._teller(Control.SSH, name),
                connect_s=self._connect_s,
            )
        return self._ssh[name]

    def adb(self, name: str) -> AdbTransport:
        """Into an Android guest."""
        if name not in self._adb:
            self._adb[name] = AdbTransport(
                name,
                self._ports[adb_port(name)],
                self._folder.path,
                alive=self._alive(name),
                ran=self._teller(Control.ADB, name),
                connect_s=self._connect_s,
            )
        return self._adb[name]

    def forget(self, name: str) -> None:
        """End the connections into a machine that is gone; another may come in its place."""
        ways: tuple[dict[str, SshTransport] | dict[str, AdbTransport], ...] = (self._ssh, self._adb)
        for known in ways:
            way = known.pop(name, None)
            if way is not None:
                way.close()

    def _teller(self, way: Control, name: str) -> Callable[..., None]:
        return lambda **about: self._tell(way.value, machine=name, **about)

    def close(self) -> None:
        """End all connections."""
        transports: list[Transport] = [*self._ssh.values(), *self._adb.values()]
        for transport in transports:
            transport.close()
        self._ssh.clear()
        self._adb.clear()
