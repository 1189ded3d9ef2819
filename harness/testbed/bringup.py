# SPDX-License-Identifier: GPL-2.0-or-later
"""Up the states of a testbed, one transition each.

Everything that is started is owned by one ExitStack: whatever fails, all of it ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from harness.config.model import Guest, Profile
from harness.deadline import Deadline, DeadlineExceeded
from harness.errors import GuestError, HarnessError, HypervisorError, SetupError
from harness.hypervisor.memcompress import DomainController, controller_present
from harness.hypervisor.xl import Xl
from harness.machine.argv import (
    QMP_SOCKET,
    Files,
    build_argv,
    console_of,
    sockets,
)
from harness.machine.console import Console, first_failure
from harness.machine.qemu import QemuProcess
from harness.machine.qmp import Qmp
from harness.testbed import own_images
from harness.testbed.assets import make_disks, write_assets
from harness.testbed.creating import create_guest
from harness.testbed.ports import choose_ports
from harness.testbed.record import Folder
from harness.testbed.slices import wait_held
from harness.testbed.states import State
from harness.testbed.ways import Ways
from harness.transport.base import Transport
from harness.transport.keys import make_key

XEN_UP = r"\(XEN\) .*LOADING DOMAIN 0"
DOM0_UP = r"XMC-DOM0-READY"
GUEST_UP = r"XMC-GUEST-READY"
# What Android says of itself over adb.
BOOTED = "getprop sys.boot_completed"
# How often a guest that boots is looked for in `xl list`: it may die without a word.
LOOK_S = 5.0
# How long the console of a dead guest may still have something to say.
LAST_WORDS_S = 10.0


class Bringup:
    """One testbed on its way up.

    files:   paths of the artifacts by name: xen, kernel, dom0_initrd, linux_initrd, android_root,
             and of each guest that is a user's own image (``own_images.prepare``)
    clock:   seconds since the testbed's start, for the console logs
    wake:    called, from any thread, when a console said something bad or ended
    """

    def __init__(
        self,
        profile: Profile,
        files: Mapping[str, str],
        folder: Folder,
        *,
        clock: Callable[[], float],
        wake: Callable[[Console], None] = lambda console: None,
    ) -> None:
        self.profile = profile
        self.folder = folder
        self.state = State.OFF
        self.ports: dict[str, int] = {}
        self.domids: dict[str, int] = {}
        self.controller = False
        self.consoles: dict[str, Console] = {}
        self.qemu: QemuProcess | None = None
        self.qmp: Qmp | None = None
        self._files = {name: Path(path) for name, path in files.items()}
        self._clock = clock
        self._wake = wake
        self._stack = ExitStack()
        self._ways: Ways | None = None

    def step_up(self) -> State:
        """Make the one transition from the present state to the next, and return that.

        Raises whatever explains best why it could not be made (see ``explain``).
        """
        transitions: Mapping[State, tuple[State, Callable[[], None]]] = {
            State.OFF: (State.XEN, self._start_machine),
            State.XEN: (State.DOM0, self._wait_dom0),
            State.DOM0: (State.GUESTS, self._create_guests),
            State.GUESTS: (State.READY, self._wait_guests),
        }
        reached, transition = transitions[self.state]
        try:
            transition()
        except HarnessError as error:
            explained = self.explain(error, during=f"going from {self.state} to {reached}")
            self._last_look()
            raise explained from error
        self.state = reached
        return reached

    def explain(self, error: HarnessError, *, during: str) -> HarnessError:
        """The cause behind an error: what a console said, or the end of QEMU, if there is one."""
        said = first_failure(self.consoles.values())
        if said is not None:
            return said
        if self.qemu is not None and not self.qemu.alive:
            return self.qemu.lost(during)
        return error

    def _last_look(self) -> None:
        """What Xen is at goes to its console's log, as far as there is still somebody to ask."""
        if self.state.rank >= State.DOM0.rank and self.qemu is not None and self.qemu.alive:
            with suppress(HarnessError):
                Xl(self.transport("dom0")).tell_all()

    def check_alive(self) -> None:
        """Raise when the machine cannot go on: Xen or dom0 broke, or QEMU ended."""
        if self.qemu is None or not self.qemu.alive:
            said = first_failure(self.consoles.values())
            if said is not None:
                raise said
            if self.qemu is not None:
                raise self.qemu.lost(f"state {self.state}")
        if "xen" in self.consoles:
            self.consoles["xen"].check()

    def close(self) -> None:
        """End QEMU, the consoles and the connections, in whatever state."""
        if self._ways is not None:
            self._ways.close()
        if self.qmp is not None:
            self.qmp.quit()
        if self.qemu is not None and not self.qemu.wait(5):
            self.qemu.kill()
        self._stack.close()

    def transport(self, name: str) -> Transport:
        """The way into dom0 or a guest, from when there are ports for it."""
        if self._ways is None:
            self._ways = Ways(
                self.profile,
                self.folder,
                self.ports,
                alive=self._alive,
                connect_s=self.profile.timeouts.guest_s,
            )
        return self._ways.into(name)

    def _alive(self, name: str) -> Callable[[], None]:
        def check() -> None:
            self.check_alive()
            if name in self.consoles:
                self.consoles[name].check()

        return check

    def _start_machine(self) -> None:
        public_key = make_key(self.folder.key)
        self.ports = choose_ports(self.profile)
        folder = self.folder.path
        assets = folder / "assets.tar"
        write_assets(
            assets,
            self.profile,
            kernel=self._file("kernel"),
            linux_initrd=self._files.get("linux_initrd"),
            public_key=public_key,
            payloads=own_images.payloads(self.profile, self._files),
        )
        files = Files(
            xen=self._file("xen"),
            kernel=self._file("kernel"),
            dom0_initrd=self._file("dom0_initrd"),
            assets=assets,
            disks=make_disks(self.profile, folder, self._files),
        )
        argv = build_argv(self.profile, files, ports=self.ports, public_key=public_key)
        names = sockets(self.profile)
        self.qemu = self._stack.enter_context(QemuProcess(argv, cwd=folder, sockets=names))
        for name in names:
            if name != QMP_SOCKET:
                self._capture(console_of(name), name)
        deadline = Deadline(self.profile.timeouts.xen_s)
        self.qmp = self._stack.enter_context(Qmp(self.qemu.sockets[QMP_SOCKET], deadline))
        self.consoles["xen"].expect(XEN_UP, deadline, alive=self.check_alive)

    def _capture(self, name: str, socket_name: str) -> None:
        assert self.qemu is not None
        guest = self.profile.guests.get(name)
        console = Console(
            name,
            self.qemu.sockets[socket_name],
            log_dir=self.folder.consoles,
            clock=self._clock,
            allow=guest.allow if guest else (),
            on_event=self._wake,
        )
        self.consoles[name] = self._stack.enter_context(console)

    def _wait_dom0(self) -> None:
        deadline = Deadline(self.profile.timeouts.dom0_s)
        self.consoles["xen"].expect(DOM0_UP, deadline, alive=self.check_alive)
        dom0 = self.transport("dom0")
        dom0.wait_up(deadline)
        self.controller = controller_present(dom0)

    def _create_guests(self) -> None:
        for guest in self._first():
            self.domids[guest.name] = create_guest(
                guest,
                self.transport("dom0"),
                controlled=guest.compress.enabled and self.controller,
            )

    def _wait_guests(self) -> None:
        xl = Xl(self.transport("dom0"))
        for guest in self._first():
            deadline = Deadline(self.profile.boot_s(guest))
            if guest.image is not None:
                self._wait_adb(guest, xl, deadline)
                continue
            self._expect_guest(guest, xl, deadline)
            shell = self.transport(guest.name)
            shell.wait_up(deadline)
            shell.run("true", timeout_s=max(1.0, deadline.remaining_s())).check(shell.where)
            if guest.slice_mib:
                wait_held(guest, guest.slice_mib, xl, self._controller(guest), deadline)

    def _first(self) -> list[Guest]:
        return [guest for guest in self.profile.guests.values() if guest.start]

    def _controller(self, guest: Guest) -> DomainController | None:
        if not (guest.compress.enabled and self.controller):
            return None
        return DomainController(self.transport("dom0"), self.domids[guest.name])

    def _wait_adb(self, guest: Guest, xl: Xl, deadline: Deadline) -> None:
        """A user's own image says nothing that we know; its adbd knows when it has booted."""
        alive = self._looking(guest, xl)
        adb = self.transport(guest.name)
        with _told_as_guest(guest.name):
            last = ""
            while True:
                alive()
                deadline.check(f"{guest.name} to answer adb", last_seen=last)
                try:
                    adb.wait_up(Deadline(min(LOOK_S, deadline.remaining_s())))
                    break
                except DeadlineExceeded as error:
                    last = error.message
            while (said := adb.run(BOOTED, timeout_s=deadline.remaining_s()).text) != "1":
                alive()
                deadline.check(f"{BOOTED!r} to be 1 in {guest.name}", last_seen=said)
                time.sleep(1)

    def _expect_guest(self, guest: Guest, xl: Xl, deadline: Deadline) -> None:
        console = self.consoles[guest.name]
        with _told_as_guest(guest.name):
            console.expect(f"{GUEST_UP} {guest.name}", deadline, alive=self._looking(guest, xl))

    def _looking(self, guest: Guest, xl: Xl) -> Callable[[], None]:
        """Raises when the machine broke, or the guest did, or its domain is gone."""
        looked = time.monotonic()

        def alive() -> None:
            nonlocal looked
            self.check_alive()
            self.consoles[guest.name].check()
            if time.monotonic() - looked > LOOK_S:
                self._require_domain(guest.name, xl)
                looked = time.monotonic()

        return alive

    def _require_domain(self, name: str, xl: Xl) -> None:
        try:
            domain = xl.domains().get(name)
        except HypervisorError:
            return  # dom0 is in trouble itself, which other checks notice
        if domain is None or domain.state in ("crashed", "shutdown", "dying"):
            # Its last words come through xenconsoled and dom0: later than its end.
            last_words = Deadline(LAST_WORDS_S)
            while not last_words.expired:
                self.consoles[name].check()
                time.sleep(0.1)
            state = domain.state if domain else "gone"
            raise GuestError(
                f"the domain is {state} before it was up; its last words: "
                f"{self.consoles[name].last_line or 'none'}",
                where=f"guest {name}",
                hint=f"harness console {name}",
            )

    def _file(self, name: str) -> Path:
        path = self._files.get(name)
        if path is None or not path.exists():
            raise SetupError(f"{name} is not built", where=str(path or ""), hint="harness build")
        return path


@contextmanager
def _told_as_guest(name: str) -> Iterator[None]:
    """A deadline that passed is the guest's matter, not the machine's."""
    try:
        yield
    except DeadlineExceeded as error:
        hint = f"harness console {name}"
        if "unauthorized" in error.message:
            hint = "it wants adb confirmed on its screen: a userdebug build, or ro.adb.secure=0"
        raise GuestError(error.message, where=f"guest {name}", hint=hint) from error
