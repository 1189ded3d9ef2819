# SPDX-License-Identifier: GPL-2.0-or-later
"""pytest fixtures by lifecycle, for this project's tests and for users' own.

    # conftest.py
    pytest_plugins = ["harness.testing"]

    def test_the_guest_knows_its_name(linux):
        assert linux.transport.succeed("hostname") == "linux"

``testbed``  a testbed of the session's profile with all guests ready, shared by the session
``booted``   the same without guests: Xen and dom0
``linux``    the Linux guest of ``testbed``
``android``  the Android guest of ``testbed``

    pytest --profile hw-af --set board.memory_mib=2048
    pytest --xen IMAGE          another Xen than the one that was built

A testbed that does not boot is a failure of every test that asked for it, never a skip; it is
tried once, and all of them show the same first failure. Console logs are kept under
runs/tests/<time>/.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from harness.config.model import GuestKind
from harness.errors import HarnessError
from harness.paths import runs_dir
from harness.testbed import Guest, State, Testbed, boot, halt
from harness.testbed.record import Folder

Key = tuple[str, tuple[str, ...], State]

# Testbeds that run at the same time: an idle one costs its memory and little else.
AT_ONCE = 2


def pytest_addoption(parser: pytest.Parser) -> None:
    """The session's profile and overrides."""
    group = parser.getgroup("xen-memcompress")
    group.addoption("--profile", default="default", help="profile of the session's testbed")
    group.addoption(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override of the profile"
    )
    group.addoption("--xen", type=Path, metavar="IMAGE", help="Xen to boot, if not the built one")


class TestbedPool:
    """The session's testbeds: each booted when first asked for, all halted at its end."""

    __test__ = False

    def __init__(self, logs: Path, xen: Path | None = None) -> None:
        self._logs = logs
        self._files = {"xen": xen} if xen else None
        self._open: dict[Key, Testbed] = {}
        self._failed: dict[Key, HarnessError] = {}
        self._booted = 0

    def get(
        self, profile: str, overrides: Sequence[str] = (), *, until: State = State.READY
    ) -> Testbed:
        """A testbed of that profile: the same one each time, or the same first failure.

        One that has failed since is not replaced: the tests after it name its failure.
        """
        key = (profile, tuple(overrides), until)
        if key in self._failed:
            raise self._failed[key]
        if key not in self._open:
            while len(self._open) >= AT_ONCE:
                self._halt(next(iter(self._open)))
            name = f"test-{os.getpid()}-{self._booted}"
            self._booted += 1
            try:
                self._open[key] = boot(
                    profile,
                    overrides=overrides,
                    name=name,
                    until=until,
                    background=False,
                    files=self._files,
                )
            except HarnessError as error:
                self._failed[key] = error
                self._put_away(Folder.named(name))
                raise
        testbed = self._open[key]
        testbed.check()
        return testbed

    def close(self) -> None:
        """Halt all and keep their logs."""
        for key in list(self._open):
            self._halt(key)

    def _halt(self, key: Key) -> None:
        testbed = self._open.pop(key)
        testbed.close()
        halt(testbed.name)
        self._put_away(testbed.folder)

    def _put_away(self, folder: Folder) -> None:
        keep_logs(folder, self._logs)
        remove(folder)


def keep_logs(folder: Folder, into: Path) -> Path:
    """Copy what tells what happened: consoles, events, state, QEMU's and the supervisor's words."""
    target = into / folder.name
    target.mkdir(parents=True, exist_ok=True)
    for path in (
        folder.path / "qemu.log",
        folder.supervisor_log,
        folder.events,
        folder.path / "state.json",
        *folder.consoles.glob("*.log"),
    ):
        if path.exists():
            shutil.copyfile(path, target / path.name)
    return target


def remove(folder: Folder) -> None:
    """Remove the folder of a testbed that has ended."""
    if not folder.running():
        shutil.rmtree(folder.path, ignore_errors=True)


@pytest.fixture(scope="session")
def testbed_logs() -> Path:
    """Where this session keeps its console logs."""
    return runs_dir() / "tests" / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"


@pytest.fixture(scope="session")
def testbeds(pytestconfig: pytest.Config, testbed_logs: Path) -> Iterator[TestbedPool]:
    """Testbeds by profile, for tests that compare profiles."""
    pool = TestbedPool(testbed_logs, pytestconfig.getoption("--xen"))
    yield pool
    pool.close()


@pytest.fixture
def testbed(request: pytest.FixtureRequest, testbeds: TestbedPool) -> Testbed:
    """A testbed of the session's profile, all guests ready."""
    config = request.config
    return testbeds.get(config.getoption("--profile"), config.getoption("--set"))


@pytest.fixture
def booted(request: pytest.FixtureRequest, testbeds: TestbedPool) -> Testbed:
    """Xen and dom0 of the session's profile, no guest started."""
    config = request.config
    return testbeds.get(config.getoption("--profile"), config.getoption("--set"), until=State.DOM0)


@pytest.fixture
def linux(testbed: Testbed) -> Guest:
    """The session's Linux guest."""
    return _first(testbed, GuestKind.LINUX)


@pytest.fixture
def android(testbed: Testbed) -> Guest:
    """The session's Android guest."""
    return _first(testbed, GuestKind.ANDROID)


def _first(testbed: Testbed, kind: GuestKind) -> Guest:
    for guest in testbed.guests.values():
        if guest.config.kind is kind:
            testbed.check(guest.name)
            return guest
    pytest.fail(f"profile {testbed.profile.name} has no {kind} guest")
