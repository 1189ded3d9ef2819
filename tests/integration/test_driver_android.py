# SPDX-License-Identifier: GPL-2.0-or-later
"""Android's applications in a fixed slice: compressed before any of them is killed."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from harness.build.artifacts import existing
from harness.scenarios.apps import Device
from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass, Corpus
from harness.scenarios.driver import (
    daemon_log,
    driver_state,
    start_daemon,
    with_driver,
    without_driver,
)
from harness.scenarios.live import LiveGuest
from harness.scenarios.load import Load, driver_file, driver_write, guest_run
from harness.testing import TestbedPool
from tests.integration.compression import wait_for
from tests.integration.waiting import front_cgroup, waiting

APPS = 4
SLICE_MIB = 104
BURST_PAGES = 9 << 10
BURSTS = 3
# A burst comes at once: more than the image keeps for an application that starts.
AHEAD = "8192"
# From here on Android calls an application cached.
CACHED_ADJ = 900
# guest-drivers/memcompressd/memcompressd.conf
MIN_IDLE_MS = 500
# After so many what did not run is old enough for the daemon.
SWEEPS = 3


@pytest.fixture
def sliced_android(testbeds: TestbedPool) -> Guest:
    """The paper's 104 MiB as frames of the host, and 160 MiB that it could have."""
    bed = testbeds.get(
        "default",
        [
            "guests.linux.enabled=false",
            "guests.android.memory_mib=160",
            f"guests.android.slice_mib={SLICE_MIB}",
            'guests.android.options=["xmc.apps=0"]',
            "guests.android.compress.sweep_ms=500",
            'guests.android.allow=["oom"]',
        ],
    )
    return LiveGuest(bed.guests["android"])


@dataclass(frozen=True)
class Outcome:
    """Applications that live, and are verified, after the foreground wanted memory."""

    alive: list[str]
    kills: int


def bursts(guest: Guest) -> Outcome:
    """Applications are started; then one in front fills memory, and is done, over and over."""
    device = Device(guest.name, guest.shell)
    device.stop()
    gone = device.counts().gone
    for name in device.packages()[:APPS]:
        device.start(name)
    corpus = Corpus.load(existing().corpus.path)
    for number in range(BURSTS):
        front = Load.start(
            guest,
            name=f"front{number}",
            content=ContentClass.TEXT,
            seed=number,
            pages=BURST_PAGES,
            corpus=corpus,
        )
        # In front, as the camera is: nobody kills it for the sake of those that are cached.
        guest_run(guest, f"echo -900 > /proc/{front.pid}/oom_score_adj")
        front.fill(1)
        front.verify(2)
        front.stop()
    return Outcome(device.verify(), device.counts().gone - gone)


@pytest.mark.slow
def test_cached_applications_are_compressed_rather_than_killed(sliced_android: Guest) -> None:
    guest = sliced_android
    assert int(driver_file(guest, "grow_ahead")) > 0, "what the image sets"
    without_driver(guest)
    off = bursts(guest)
    with_driver(guest)
    driver_write(guest, "grow_ahead", AHEAD)
    on = bursts(guest)
    said = daemon_log(guest)
    print(f"alive of {APPS}: {len(off.alive)} without, {len(on.alive)} with the driver")
    print(said[-4000:], driver_state(guest), sep="\n")
    print(guest_run(guest, "logcat -s lmkd | tail -n 20").decode())
    assert off.kills > 0
    assert on.kills == 0
    assert len(on.alive) == APPS > len(off.alive)


@pytest.mark.slow
def test_the_daemon_asks_first_for_what_nobody_sees(sliced_android: Guest) -> None:
    """Where nothing is kept free ahead and the driver does not grow by itself, it has to ask."""
    guest = sliced_android
    with_driver(guest, daemon=False)
    driver_write(guest, "grow_enabled", "0")
    driver_write(guest, "grow_ahead", "0")
    device = Device(guest.name, guest.shell)
    device.stop()
    for name in device.packages()[:APPS]:
        device.start(name)
    cached = {process.pid: process.adj for process in device.stack() if process.adj >= CACHED_ADJ}
    assert len(cached) == APPS - 2, "all but the one in front and the one before it"
    for _ in range(SWEEPS):
        guest.controller.sweep()
    start_daemon(guest)
    with front_cgroup(guest), waiting(guest):
        wait_for("a request", lambda: asked(guest) != [], timeout_s=60)
    print(daemon_log(guest)[-4000:])
    first, *later = asked(guest)
    assert first.pid in cached
    # One that ran just before is left alone, and its turn comes later.
    ran = {one.pid for one in later if one.idle_ms - 1000 * (one.at_s - first.at_s) < MIN_IDLE_MS}
    assert first.adj == max(adj for pid, adj in cached.items() if pid not in ran)


@dataclass(frozen=True)
class Request:
    """What the daemon's log says of one: when, whose, and how long he had not run."""

    at_s: float
    pid: int
    adj: int
    idle_ms: int


def asked(guest: Guest) -> list[Request]:
    """Of whom the daemon asked for memory, in its order."""
    line = r"\[([\d.]+)\] compressed pid (\d+) \(\S+\) adj (-?\d+) idle (\d+) ms"
    found = re.findall(line, daemon_log(guest))
    return [Request(float(at), int(pid), int(adj), int(idle)) for at, pid, adj, idle in found]
