# SPDX-License-Identifier: GPL-2.0-or-later
"""The Bed of a scenario, made from the real testbed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from harness.build.artifacts import Graph, existing, xen_without_controller
from harness.build.driver import HOSTILE, build_hostile
from harness.config import load_profile
from harness.config.model import Guest as GuestConfig
from harness.errors import HarnessError, MachineError
from harness.hypervisor import DomainController
from harness.monitor.observe import LiveObserver, observing
from harness.report.provenance import patch_set
from harness.report.run import Scalar
from harness.scenarios.bed import Shell
from harness.scenarios.needs import overrides_of
from harness.testbed import Guest, State, Testbed, attach, boot, halt
from harness.testbed.alone import alone
from harness.testbed.launch import artifacts
from harness.testbed.record import Folder


class LiveGuest:
    """A guest of a running testbed. Its domain id is asked for once: each ``xl`` costs."""

    def __init__(self, guest: Guest) -> None:
        self.name = guest.name
        self.vcpus = guest.vcpus
        self.memory_mib = guest.config.memory_mib
        self.compression = guest.config.compress
        self.set_slice = guest.set_slice
        self.shell: Shell = guest.transport
        self.controller: DomainController = guest.controller


class AloneGuest:
    """A guest without a hypervisor."""

    def __init__(self, config: GuestConfig, shell: Shell) -> None:
        self.name = config.name
        self.vcpus = config.vcpus
        self.memory_mib = config.memory_mib
        self.compression = config.compress
        self.shell = shell

    @property
    def controller(self) -> DomainController:
        raise MachineError("there is no controller where there is no Xen", where=self.name)

    def set_slice(self, mib: int) -> None:
        raise MachineError("there is no slice where there is no Xen", where=self.name)


class LiveBed:
    """A running testbed as scenarios see it."""

    def __init__(self, testbed: Testbed) -> None:
        self._testbed = testbed
        self.guests: Mapping[str, LiveGuest] = {
            name: LiveGuest(guest) for name, guest in testbed.guests.items() if guest.config.start
        }
        self.startable = [n for n, guest in testbed.guests.items() if not guest.config.start]

    @property
    def corpus_dir(self) -> Path:
        """The very files that the images hold, on the host."""
        return existing().corpus.path

    @property
    def symbols(self) -> Path:
        booted = Path(self._testbed.folder.read_request().files["xen"])
        return booted.with_name("xen-syms")

    def describe(self, *also: str) -> tuple[Mapping[str, str | int], Mapping[str, str]]:
        hashes = dict(self._testbed.digests) | {"patches": patch_set()}
        return self._testbed.dimensions(*also), hashes

    def consoles(self) -> Mapping[str, Path]:
        return self._testbed.consoles()

    @property
    def config(self) -> Mapping[str, Any]:
        return self._testbed.folder.read_request().config

    @property
    def started_s(self) -> float:
        return self._testbed.record.started

    @property
    def events(self) -> Path:
        return self._testbed.folder.events

    def observing(self) -> AbstractContextManager[LiveObserver]:
        return observing(self._testbed.name)

    def supervise(self, *, check: Callable[[], None], tell: Callable[..., None]) -> None:
        self._testbed.supervise(check=check, tell=tell)

    def beside(
        self, settings: Mapping[str, Scalar]
    ) -> AbstractContextManager[Mapping[str, LiveGuest]]:
        return self._second("beside", overrides_of(settings))

    def start(self, *names: str, controlled: bool = True) -> list[LiveGuest]:
        self._testbed.start(*names, controlled=controlled)
        return [LiveGuest(self._testbed.guests[name]) for name in names]

    def stop(self, *names: str) -> None:
        self._testbed.stop(*names)

    @contextmanager
    def alone(self, guest: str, settings: Mapping[str, Scalar]) -> Iterator[AloneGuest]:
        request = self._testbed.folder.read_request()
        overrides = overrides_of(settings)
        resolved = load_profile(request.profile, overrides=[*request.overrides, *overrides])
        # As for a second testbed: what this one was booted from, and what it did not need.
        given = {name: Path(path) for name, path in request.files.items()}
        profile, files = resolved.profile, artifacts(resolved, given)[0]
        with alone(profile, guest, files) as shell:
            yield AloneGuest(profile.guests[guest], shell)

    def without_controller(self) -> AbstractContextManager[Mapping[str, LiveGuest]]:
        return self._second("without", xen=xen_without_controller())

    @contextmanager
    def _second(
        self, suffix: str, overrides: Sequence[str] = (), **others: Path
    ) -> Iterator[Mapping[str, LiveGuest]]:
        request = self._testbed.folder.read_request()
        files = {name: Path(path) for name, path in request.files.items()}
        name = f"{self._testbed.folder.name}-{suffix}"
        with boot(
            request.profile,
            overrides=[*request.overrides, *overrides],
            name=name,
            background=False,
            files=files | others,
        ) as testbed:
            try:
                yield LiveBed(testbed).guests
            finally:
                halt(name)
                shutil.rmtree(testbed.folder.path, ignore_errors=True)

    def push_hostile(self, guest: str) -> None:
        module = build_hostile(Graph().kernel).path / HOSTILE
        self._testbed.guests[guest].transport.push(module, f"/tmp/{HOSTILE}")

    def qmp(self, command: str, arguments: Mapping[str, Any]) -> Any:
        with self._testbed.qmp() as qmp:
            return qmp.execute(command, dict(arguments))

    def dom0(self) -> Shell:
        return self._testbed.dom0


@contextmanager
def open_bed(profile: str, settings: Mapping[str, Scalar]) -> Iterator[LiveBed]:
    """The running testbed if it is as the scenario wants it, else one of the scenario's own.

    Its own is booted beside whatever runs, and halted at the end.

    Raises what booting raises; MachineError when the machine lacks the controller.
    """
    overrides = overrides_of(settings)
    running = _fitting(profile, overrides)
    if running is not None:
        with running:
            _require_controller(running)
            yield LiveBed(running)
        return
    name = f"run-{os.getpid()}"
    with boot(profile, overrides=overrides, name=name, background=False) as testbed:
        try:
            _require_controller(testbed)
            yield LiveBed(testbed)
        finally:
            halt(name)
            # The run folder has its consoles; a boot that failed never comes here.
            shutil.rmtree(testbed.folder.path, ignore_errors=True)


def _fitting(profile: str, overrides: list[str]) -> Testbed | None:
    """The default testbed, when it is ready and configured exactly so."""
    folder = Folder.named()
    if not folder.running() or folder.read().state is not State.READY:
        return None
    try:
        testbed = attach()
    except HarnessError:
        return None  # it has failed: none to use, and the reason is not this run's
    if testbed.profile == load_profile(profile, overrides=overrides).profile:
        return testbed
    testbed.close()
    return None


def _require_controller(testbed: Testbed) -> None:
    if not testbed.controller_present:
        raise MachineError(
            "this Xen has no memory compression controller",
            where=f"testbed {testbed.name}",
            hint="harness build xen && harness reboot",
        )
