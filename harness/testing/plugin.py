# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin itself: options, fixtures, hooks. ``harness.testing`` says how to use it."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.config import load_profile
from harness.config.model import GuestKind
from harness.errors import HarnessError
from harness.paths import runs_dir
from harness.scenarios.live import LiveGuest
from harness.testbed import Guest, State, Testbed
from harness.testing import evidence
from harness.testing.pool import TestbedPool

# What is booted as a guest of each kind, as the artifacts are called.
IMAGES = {GuestKind.LINUX: "linux-image", GuestKind.ANDROID: "android-image"}
# A dimension's option, and its values when neither a mark nor the option gives any.
DIMENSIONS: dict[str, tuple[str, type, tuple[Any, ...]]] = {
    "technique": ("--technique", str, ("mem-compress",)),
    "cpu_model": ("--cpu-model", str, ()),
    "ram_mib": ("--ram-mib", int, ()),
}
POOL = pytest.StashKey[TestbedPool]()
FAILED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The session's profile, overrides, and values of dimensions."""
    group = parser.getgroup("xen-memcompress")
    group.addoption("--profile", default="default", help="profile of the session's testbed")
    group.addoption(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override of the profile"
    )
    group.addoption("--xen", type=Path, metavar="IMAGE", help="Xen to boot, if not the built one")
    for name, (option, kind, _) in DIMENSIONS.items():
        text = f"a value of the fixture {name}; may be given more than once"
        group.addoption(option, action="append", type=kind, default=[], help=text)


def pytest_configure(config: pytest.Config) -> None:
    """The mark of dimensions."""
    config.addinivalue_line(
        "markers", "dimensions(technique=[], cpu_model=[], ram_mib=[]): run once for each value"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each value of each dimension, and for each guest, that it asks for."""
    mark = metafunc.definition.get_closest_marker("dimensions")
    given = mark.kwargs if mark else {}
    unknown = set(given) - set(DIMENSIONS)
    if unknown:
        known = ", ".join(DIMENSIONS)
        raise pytest.UsageError(f"no dimension {sorted(unknown)[0]!r}: one of {known}")
    for name, (option, _, default) in DIMENSIONS.items():
        if name not in metafunc.fixturenames:
            continue
        values = metafunc.config.getoption(option) or given.get(name) or default
        if not values:
            values = (_profile_value(metafunc.config, name),)
        ids = [f"{name}={value}" for value in values]
        metafunc.parametrize(name, values, indirect=True, ids=ids)
    if "each_guest" in metafunc.fixturenames:
        guests = _profile(metafunc.config).guests.values()
        ids = [_image_id(guest.name, guest.kind) for guest in guests]
        metafunc.parametrize("each_guest", [g.name for g in guests], indirect=True, ids=ids)


def _image_id(name: str, kind: GuestKind) -> str:
    # Several guests of one image are told apart by their names.
    return IMAGES[kind] if name == kind.value else f"{IMAGES[kind]}-{name}"


def _profile(config: pytest.Config) -> Any:
    try:
        return load_profile(
            config.getoption("--profile"), overrides=config.getoption("--set")
        ).profile
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from error


def _profile_value(config: pytest.Config, name: str) -> Any:
    profile = _profile(config)
    return profile.board.cpu if name == "cpu_model" else profile.guests["linux"].memory_mib


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach what the testbeds of a failed test have to say; no other test gets them."""
    report = yield
    pool = item.config.stash.get(POOL, None)
    if pool is None:
        return report
    try:
        if report.failed:
            item.stash[FAILED] = True
            running, logs = pool.seen()
            for testbed in running:
                report.sections += list(evidence.of_testbed(testbed))
            for folder in logs:
                report.sections += list(evidence.of_logs(folder))
        if report.when == "teardown" and item.stash.get(FAILED, False):
            pool.retire()
    except HarnessError as error:
        report.sections.append(("evidence", f"could not be had: {error}"))
    if report.when == "teardown":
        pool.asked.clear()
    return report


@pytest.fixture(scope="session")
def testbed_logs() -> Path:
    """Where this session keeps its console logs."""
    return runs_dir() / "tests" / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"


@pytest.fixture(scope="session")
def testbeds(pytestconfig: pytest.Config, testbed_logs: Path) -> Iterator[TestbedPool]:
    """Testbeds by profile, for tests that compare profiles."""
    pool = TestbedPool(testbed_logs, pytestconfig.getoption("--xen"))
    pytestconfig.stash[POOL] = pool
    yield pool
    pool.close()


@pytest.fixture
def technique(request: pytest.FixtureRequest) -> str:
    """What is used against want of memory."""
    value: str = request.param
    if value not in ("mem-compress", "none"):
        raise pytest.UsageError(f"no technique {value!r}: mem-compress or none")
    return value


@pytest.fixture
def cpu_model(request: pytest.FixtureRequest) -> str:
    """The board's CPU."""
    value: str = request.param
    return value


@pytest.fixture
def ram_mib(request: pytest.FixtureRequest) -> int:
    """Nominal memory of the Linux guest."""
    value: int = request.param
    return value


@pytest.fixture
def testbed_overrides(request: pytest.FixtureRequest) -> list[str]:
    """The session's overrides, and those of the dimensions that the test asks for."""
    config = request.config
    overrides = list(config.getoption("--set"))
    asked = {
        name: request.getfixturevalue(name) for name in DIMENSIONS if name in request.fixturenames
    }
    if asked.get("technique") == "none":
        guests = _profile(config).guests
        overrides += [f"guests.{name}.compress.enabled=false" for name in guests]
    # What the profile says anyway is no other testbed.
    for name, key in (("cpu_model", "board.cpu"), ("ram_mib", "guests.linux.memory_mib")):
        if name in asked and asked[name] != _profile_value(config, name):
            overrides.append(f"{key}={asked[name]}")
    return overrides


@pytest.fixture
def testbed(
    request: pytest.FixtureRequest, testbeds: TestbedPool, testbed_overrides: list[str]
) -> Testbed:
    """A testbed of the session's profile, all guests ready."""
    return testbeds.get(request.config.getoption("--profile"), testbed_overrides)


@pytest.fixture
def booted(
    request: pytest.FixtureRequest, testbeds: TestbedPool, testbed_overrides: list[str]
) -> Testbed:
    """Xen and dom0 of the session's profile, no guest started."""
    profile = request.config.getoption("--profile")
    return testbeds.get(profile, testbed_overrides, until=State.DOM0)


@pytest.fixture
def linux(testbed: Testbed) -> Guest:
    """The session's Linux guest."""
    return _first(testbed, GuestKind.LINUX)


@pytest.fixture
def android(testbed: Testbed) -> Guest:
    """The session's Android guest."""
    return _first(testbed, GuestKind.ANDROID)


@pytest.fixture
def each_guest(request: pytest.FixtureRequest, testbed: Testbed) -> Guest:
    """Every guest of the profile in turn."""
    testbed.check(request.param)
    return testbed.guest(request.param)


@pytest.fixture
def compressed(linux: Guest) -> Iterator[LiveGuest]:
    """The Linux guest, all that is idle in it compressed; nothing stays so."""
    guest = LiveGuest(linux)
    guest.controller.compress()
    yield guest
    guest.controller.restore()


def _first(testbed: Testbed, kind: GuestKind) -> Guest:
    for guest in testbed.guests.values():
        if guest.config.kind is kind:
            testbed.check(guest.name)
            return guest
    pytest.fail(f"profile {testbed.profile.name} has no {kind} guest")
