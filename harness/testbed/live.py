# SPDX-License-Identifier: GPL-2.0-or-later
"""A running testbed, from any process: ``attach()``.

Commands speak to dom0 and the guests directly, by ssh; to QEMU through its second QMP socket; and
read the supervisor's state file. A testbed that has failed answers everything with its first
failure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.config import Profile, profile_of
from harness.config.model import Guest as GuestConfig
from harness.config.model import GuestKind
from harness.deadline import Deadline, DeadlineExceeded
from harness.errors import GuestError, HarnessError, MachineError, UsageError
from harness.hypervisor.memcompress import DomainController
from harness.hypervisor.xl import Xl
from harness.machine.argv import CONTROL_SOCKET, adb_port
from harness.machine.qmp import Qmp
from harness.testbed.creating import create_guest
from harness.testbed.record import Folder, Record
from harness.testbed.slices import PAGES_PER_MIB, wait_held
from harness.testbed.states import State
from harness.testbed.ways import Ways
from harness.transport.adb import AdbTransport
from harness.transport.base import Transport
from harness.transport.ssh import SshTransport

QMP_CONNECT_S = 20.0
SLICE_S = 60.0
# As images/android/README.md has it at length: no report is to take it for more.
ANDROID_IS = "debian-art: ART 11, core library, binder and lmkd of AOSP 10; not an AOSP image"


class Guest:
    """One guest of a running testbed."""

    def __init__(self, testbed: Testbed, config: GuestConfig) -> None:
        self._testbed = testbed
        self.config = config
        self.name = config.name
        self.vcpus = config.vcpus

    @property
    def transport(self) -> Transport:
        """Commands and files, by the way that the profile names."""
        return self._testbed.transport(self.name)

    shell = transport

    @property
    def domid(self) -> int:
        """Its domain id now. Raises GuestError when the domain is gone."""
        return self._testbed.xl.domid(self.name)

    @property
    def controller(self) -> DomainController:
        """The compression controller of its domain."""
        return DomainController(self._testbed.transport("dom0"), self.domid)

    def set_slice(self, mib: int) -> None:
        """Let it hold so much of the host's memory, and wait until it holds no more.

        Where Xen keeps it to that (``compress.max_held``) its limit moves, too.

        Raises GuestError when its balloon cannot take so much.
        """
        xl, domid = self._testbed.xl, self.domid
        xl.set_slice(domid, mib)
        controlled = self.config.compress.enabled and self._testbed.controller_present
        controller = self.controller if controlled else None
        if controller and self.config.compress.max_held:
            controller.limit_held(mib * PAGES_PER_MIB)
        try:
            wait_held(self.config, mib, xl, controller, Deadline(SLICE_S))
        except DeadlineExceeded as error:
            hint = "what runs in it does not leave so much"
            raise GuestError(error.message, where=f"guest {self.name}", hint=hint) from error

    @property
    def console_log(self) -> Path:
        return self._testbed.folder.console_log(self.name)

    def wait_console(self, text: str, deadline: Deadline) -> str:
        """Wait until its console has said ``text``; all that it has said.

        What a guest prints comes through dom0, so it is in the log a moment after the guest has
        gone on. Raises DeadlineExceeded, or the failure of the guest.
        """
        while text not in (said := self.console_log.read_text("utf-8", "replace")):
            self._testbed.check(self.name)
            deadline.check(f"{text!r} on console {self.name}", "".join(said.splitlines()[-1:]))
            time.sleep(0.05)
        return said


class Testbed:
    """A running testbed. Closing it ends this process's connections, not the testbed."""

    __test__ = False  # pytest, this is no test

    def __init__(self, folder: Folder, record: Record, profile: Profile) -> None:
        self.folder = folder
        self.name = folder.name
        self.profile = profile
        self.ports = record.ports
        self.controller_present = record.controller
        self.digests = record.digests
        self.guests: Mapping[str, Guest] = {
            name: Guest(self, config) for name, config in self.profile.guests.items()
        }
        self._check: Callable[[], None] = lambda: None
        self._tell: Callable[..., None] = lambda kind, **fields: None
        self._ways = Ways(
            profile,
            folder,
            self.ports,
            alive=lambda machine: lambda: self._alive(machine),
            tell=lambda kind, **about: self._tell(kind, **about),
        )

    def supervise(self, *, check: Callable[[], None], tell: Callable[..., None]) -> None:
        """Have ``check`` called while this process's commands run, which may end them by raising,
        and ``tell(WAY, machine=, command=, status=, took_s=)`` after each; WAY is ssh or adb."""
        self._check, self._tell = check, tell

    @property
    def record(self) -> Record:
        """What the state file says now."""
        return self.folder.read()

    @property
    def dom0(self) -> Transport:
        """Commands and files of dom0."""
        return self.transport("dom0")

    @property
    def xl(self) -> Xl:
        """Xen's toolstack in dom0."""
        return Xl(self.dom0)

    def guest(self, name: str) -> Guest:
        """A guest of the profile. Raises UsageError for any other name."""
        if name not in self.guests:
            raise self._unknown(name)
        return self.guests[name]

    def start(self, *names: str, controlled: bool = True) -> None:
        """Start guests that the profile defines and did not start, and wait until all answer.

        controlled: with the controller, if the profile and this Xen have it

        Raises HypervisorError when there is no room for one, DeadlineExceeded, and what a console
        said; those that were started stay.
        """
        for name in names:
            guest = self.guest(name).config
            with_it = controlled and guest.compress.enabled and self.controller_present
            create_guest(guest, self.dom0, controlled=with_it)
        deadline = Deadline(max(self.profile.boot_s(self.guest(name).config) for name in names))
        for name in names:
            way = self.transport(name)
            way.wait_up(deadline)
            way.run("true", timeout_s=max(1.0, deadline.remaining_s()))

    def stop(self, *names: str) -> None:
        """Destroy the domains of guests, where there are any."""
        running = self.xl.domains()
        for name in names:
            if name in running:
                self.xl.destroy(name)
            self._ways.forget(name)

    def transport(self, name: str) -> Transport:
        """The way into ``dom0`` or a guest. Raises UsageError for an unknown name."""
        self._require(name)
        return self._ways.into(name)

    def ssh(self, name: str) -> SshTransport:
        """By ssh, whatever the profile names. Raises UsageError for an unknown name."""
        self._require(name)
        return self._ways.ssh(name)

    def adb(self, name: str) -> AdbTransport:
        """By adb. Raises UsageError for an unknown name, and for a machine without adbd."""
        self._require(name)
        if adb_port(name) not in self.ports:
            androids = [n for n in self.guests if adb_port(n) in self.ports]
            raise UsageError(
                f"{name} has no adbd", hint=f"those with one: {', '.join(androids) or 'none'}"
            )
        return self._ways.adb(name)

    def _alive(self, name: str) -> None:
        self.check(name)
        self._check()

    def check(self, *names: str) -> None:
        """Raise the first failure of the testbed, or of the named guests, if there was one."""
        record = self.folder.read()
        require_running(self.folder, record)
        for name in names:
            if name in record.guest_failures:
                raise record.guest_failures[name].error()

    @contextmanager
    def qmp(self) -> Iterator[Qmp]:
        """A QMP connection; QEMU serves one at a time, others wait for it."""
        self.check()
        path = self.folder.path / CONTROL_SOCKET
        with Qmp.connect(path, Deadline(QMP_CONNECT_S), name=self.name) as qmp:
            yield qmp

    def consoles(self) -> dict[str, Path]:
        """Console logs by name: ``xen`` (dom0 speaks there as well) and each guest."""
        return {name: self.folder.console_log(name) for name in ("xen", *self.guests)}

    def dimensions(self, *also: str) -> dict[str, str | int]:
        """What a measurement on this testbed depends on.

        also: guests that do not run, and are measured
        """
        board = self.profile.board
        dimensions: dict[str, str | int] = {
            "profile": self.profile.name,
            "cpu": board.cpu,
            "cpus": board.cpus,
            "board_mib": board.memory_mib,
            "icount": "off" if board.icount_shift is None else f"shift={board.icount_shift}",
            "dom0_mib": self.profile.dom0.memory_mib,
        }
        for name, guest in self.guests.items():
            if not guest.config.start and name not in also:
                continue
            dimensions[f"{name}_mib"] = guest.config.memory_mib
            if guest.config.slice_mib:
                dimensions[f"{name}_slice_mib"] = guest.config.slice_mib
            dimensions[f"{name}_vcpus"] = guest.config.vcpus
            if guest.config.kind is GuestKind.ANDROID:
                dimensions[f"{name}_is"] = ANDROID_IS
        return dimensions

    def close(self) -> None:
        """End this process's connections."""
        self._ways.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _require(self, name: str) -> None:
        if name != "dom0" and name not in self.guests:
            raise self._unknown(name)

    def _unknown(self, name: str) -> UsageError:
        known = ", ".join(["dom0", *self.guests])
        return UsageError(
            f"no guest {name!r} in profile {self.profile.name}", hint=f"one of {known}"
        )


def attach(name: str | None = None) -> Testbed:
    """The running testbed of that name.

    Raises its first failure when it has failed, UsageError when it is off.
    """
    folder = Folder.named(name)
    record = folder.read()
    require_running(folder, record)
    request = folder.read_request()
    return Testbed(folder, record, profile_of(request.config, request.profile))


def require_running(folder: Folder, record: Record) -> None:
    """Raise what there is to say about a testbed that does not run."""
    if record.failure is not None:
        raise record.failure.error()
    if record.state is State.OFF:
        raise not_running(folder, record)


def not_running(folder: Folder, record: Record) -> HarnessError:
    """The error for a testbed that is off or has not come far enough."""
    if folder.running():
        return MachineError(f"testbed {folder.name} is still booting", hint="harness status")
    return UsageError(f"testbed {folder.name} is off", hint="harness boot")
