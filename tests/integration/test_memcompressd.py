# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon in a guest: when it acts, for whom, and what it leaves alone."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from harness.build.artifacts import existing
from harness.scenarios.bed import Guest
from harness.scenarios.content import U64, ContentClass
from harness.scenarios.driver import MODULE, daemon_log, start_daemon
from harness.scenarios.load import (
    Load,
    driver_counters,
    driver_write,
    guest_run,
    is_compressed,
    states_of,
)
from harness.scenarios.pressure import read_pressure
from tests.integration.compression import Loads, wait_for
from tests.integration.conftest import SLICE_MIB
from tests.integration.waiting import FRONT, front_cgroup, waiting

PAGES = 1024
PAGES_PER_MIB = 256


@pytest.fixture
def calm(sliced: Guest) -> Iterator[Guest]:
    """The guest does not grow: what is asked for, the daemon asks for."""
    guest = sliced
    guest_run(guest, "killall -q memcompressd; true")
    driver_write(guest, "grow_enabled", "0")
    with front_cgroup(guest):
        yield guest


@pytest.fixture
def calm_loads(calm: Guest) -> Iterator[Loads]:
    """Loads in it."""
    loads = Loads(calm, existing().corpus.path)
    yield loads
    loads.stop_all()


def idle_load(guest: Guest, loads: Loads, name: str, adj: int = 0) -> int:
    """A process that was not used for three sweeps; its pid."""
    load = loads.start(ContentClass.TEXT, PAGES, name=name)
    guest_run(guest, f"echo {adj} > /proc/{load.pid}/oom_score_adj")
    for _ in range(3):
        guest.controller.sweep()
    return load.pid


def test_waiting_processes_have_idle_ones_compressed(calm: Guest, calm_loads: Loads) -> None:
    """The trigger is a cgroup's; the whole system's is out of reach."""
    config = f"cgroup = {FRONT}\ntrigger_ms = 500\n"
    guest_run(calm, f"printf '{config}' > /run/front.conf")
    idle = idle_load(calm, calm_loads, "idle")
    start_daemon(calm, "-c", "/run/front.conf")
    with waiting(calm):
        wait_for("a request", lambda: f"compressed pid {idle}" in daemon_log(calm))
    said = daemon_log(calm)
    assert f"somebody waits for memory ({FRONT})" in said
    assert f": {FRONT} " in said
    calm_loads.verify_all()


@pytest.mark.slow
def test_what_waits_at_its_own_limit_is_not_helped(calm: Guest, calm_loads: Loads) -> None:
    """Memory below the guest is of no use to it: the kernel counts what it always counted."""
    guest_run(calm, f"printf 'cgroup = {FRONT}\n' > /run/front.conf")
    idle_load(calm, calm_loads, "idle")
    start_daemon(calm, "-c", "/run/front.conf")
    before = driver_counters(calm)
    kills = read_pressure(calm).kills
    with waiting(calm, "memory.max"):
        wait_for("the cgroup's own kill", lambda: read_pressure(calm).kills > kills)
    assert driver_counters(calm)["compressed"] == before["compressed"]


def until_said(guest: Guest, what: str, times: int = 1) -> None:
    """Wait for the daemon to have said this so many times."""
    wait_for(f"the daemon to say {what!r}", lambda: daemon_log(guest).count(what) >= times)


@pytest.mark.slow
def test_a_cgroup_that_goes_and_comes_again_is_watched_again(calm: Guest) -> None:
    """Its going wakes the daemon; its coming is seen when something else does."""
    guest_run(calm, f"printf 'cgroup = {FRONT}\n' > /run/front.conf")
    start_daemon(calm, "-c", "/run/front.conf")
    for times in (1, 2):
        wait_for("it to be empty", lambda: not guest_run(calm, f"cat {FRONT}/cgroup.procs"))
        guest_run(calm, f"rmdir {FRONT}")
        until_said(calm, f"{FRONT}: gone", times)
        guest_run(calm, f"mkdir {FRONT}")
        with waiting(calm):
            until_said(calm, f"{FRONT}: its pressure is watched now", times)
            heard = daemon_log(calm).count(f": {FRONT} ")
            until_said(calm, f": {FRONT} ", heard + 1)


@pytest.mark.slow
def test_a_driver_that_goes_and_comes_again_is_noticed(calm: Guest) -> None:
    """Its numbers are not taken for 0 meanwhile: that would be a stall without end, or a gain."""
    start_daemon(calm)
    guest_run(calm, "rmmod xen_memcompress")
    with waiting(calm):
        until_said(calm, "the driver is gone")
    assert re.findall(r"compressed pid|restores take", daemon_log(calm)) == []
    guest_run(calm, f"insmod {MODULE}")
    with waiting(calm):
        until_said(calm, "the driver is there again")
    assert "restores take" not in daemon_log(calm)


def test_a_dry_run_says_whom_it_would_ask_for_and_asks_for_nobody(
    calm: Guest, calm_loads: Loads
) -> None:
    idle = idle_load(calm, calm_loads, "idle")
    start_daemon(calm, "-n")
    before = driver_counters(calm)
    with waiting(calm):
        wait_for("a decision", lambda: f"would compress pid {idle}" in daemon_log(calm))
    assert driver_counters(calm) == before


def cached_load(guest: Guest, loads: Loads, pages: int = PAGES) -> tuple[Load, U64]:
    """A process in the background and its frames, most of which the daemon had compressed."""
    cached = loads.start(ContentClass.TEXT, pages, name="cached")
    guest_run(guest, f"echo 900 > /proc/{cached.pid}/oom_score_adj")
    # Asked for once: a process that answers runs, and is not idle.
    pfns = cached.pfns()
    for _ in range(3):
        guest.controller.sweep()
    time.sleep(1.0)  # past min_idle_ms, whoever was started before it, too
    start_daemon(guest)
    with waiting(guest):
        wait_for(
            "the cached process to be compressed",
            lambda: int(is_compressed(states_of(guest, pfns)).sum()) > pages // 2,
        )
    return cached, pfns


def room_left(guest: Guest, slice_mib: int) -> int:
    """Frames of its slice that it does not hold."""
    return slice_mib * PAGES_PER_MIB - guest.controller.stats().held


def settled(guest: Guest) -> int:
    """Frames that it holds, once what was killed has given back its own."""
    before, held = 0, guest.controller.stats().held
    while abs(held - before) > PAGES // 16:
        time.sleep(3.0)  # what is free is reported two seconds later
        before, held = held, guest.controller.stats().held
    return held


def to_the_front(guest: Guest, load: Load) -> int:
    """Bring it there; pages that the daemon said there was room for."""
    said = re.compile(rf"restoring pid {load.pid} .*; room for (\d+) pages")
    guest_run(guest, f"echo 0 > /proc/{load.pid}/oom_score_adj")
    wait_for("the hint", lambda: bool(said.search(daemon_log(guest))))
    found = said.search(daemon_log(guest))
    assert found
    return int(found[1])


def test_who_comes_to_the_foreground_comes_back_in_bulk(calm: Guest, calm_loads: Loads) -> None:
    """What is cached goes first, and comes back by one hint rather than fault by fault."""
    other = idle_load(calm, calm_loads, "other")
    cached, _ = cached_load(calm, calm_loads)
    said = daemon_log(calm)
    first = said.find(f"compressed pid {cached.pid}")
    assert 0 <= first < (said.find(f"compressed pid {other}") + 1 or len(said))
    restored = driver_counters(calm)["restored"]
    # Who waited was killed, and what is free has no frame once it is reported: but not in a guest
    # in which so much ran before that it is in pieces too small for that.
    more = SLICE_MIB + 12
    try:
        calm.set_slice(more)
        wait_for("room for twice of it", lambda: room_left(calm, more) > 2 * PAGES + PAGES // 4)
        assert to_the_front(calm, cached) > PAGES
        # It may answer now. The kernel may have moved some, and others may be in their places.
        wait_for("its pages", lambda: not is_compressed(states_of(calm, cached.pfns())).any())
        assert driver_counters(calm)["restored"] - restored > PAGES // 2
        cached.verify(1)
    finally:
        calm.set_slice(SLICE_MIB)


def test_what_comes_back_in_bulk_leaves_half_of_the_room(calm: Guest, calm_loads: Loads) -> None:
    """It is a guess, and others are not compressed for its sake."""
    # So many that half of them are more than the driver makes room for when the slice is set.
    cached, pfns = cached_load(calm, calm_loads, 4 * PAGES)
    away = int(is_compressed(states_of(calm, pfns)).sum())
    try:
        calm.set_slice(settled(calm) // PAGES_PER_MIB + 1)
        restored = driver_counters(calm)["restored"]
        room = to_the_front(calm, cached)
        wait_for("the rest", lambda: driver_counters(calm)["restored"] - restored <= room)
        assert room < away
        assert is_compressed(states_of(calm, pfns)).any()
        cached.verify(1)
    finally:
        calm.set_slice(SLICE_MIB)
