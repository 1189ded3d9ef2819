# SPDX-License-Identifier: GPL-2.0-or-later
"""A request names a process, and only what that process maps is taken."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import GuestError
from harness.monitor.pressure import DRIVER
from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass
from harness.scenarios.load import (
    driver_counters,
    driver_request,
    guest_run,
    is_compressed,
    process_pfns,
    states_of,
)
from tests.integration.compression import Loads, restores_counted


def compressed_gfns(guest: Guest) -> set[int]:
    """All gfns of the domain that are compressed now."""
    states = np.frombuffer(guest.controller.states(), dtype=np.uint8) & np.uint8(0xF)
    return set(np.flatnonzero(is_compressed(states)).tolist())


def test_compressing_a_process_takes_its_gfns_and_none_that_only_another_maps(
    guest: Guest, loads: Loads
) -> None:
    a = loads.start(ContentClass.TEXT, 1024, name="a", seed=1)
    b = loads.start(ContentClass.TEXT, 1024, name="b", seed=2)
    guest.controller.restore()
    of_a, of_b = (set(process_pfns(guest, load.pid).tolist()) for load in (a, b))
    before = compressed_gfns(guest)
    driver_request(guest, "compress", str(a.pid))
    taken = compressed_gfns(guest) - before
    # Not all: a few slices of the corpus may not compress well enough.
    held = set(a.pfns().tolist())
    assert len(taken & held) >= 0.90 * a.count
    assert taken <= of_a
    assert not taken & (of_b - of_a)
    a.verify(1)
    b.verify(1)


def test_the_request_goes_through_the_driver_and_its_counters_tell(
    guest: Guest, loads: Loads
) -> None:
    load = loads.start(ContentClass.TEXT, 512)
    before = driver_counters(guest)
    load.compress()
    after = driver_counters(guest)
    assert after["requests"] > before["requests"]
    assert after["scanned"] - before["scanned"] >= 512
    assert after["compressed"] - before["compressed"] >= 500
    assert after["errors"] == before["errors"]


def test_a_process_can_ask_for_itself(guest: Guest, loads: Loads) -> None:
    """Here a shell with a variable of two MiB; nobody else is compressed."""
    other = loads.start(ContentClass.TEXT, 512)
    before = driver_counters(guest)
    variable = "v=$(head -c 2097152 /dev/zero | tr '\\0' v)"
    said = guest_run(guest, f"{variable}; echo self > {DRIVER}/compress; printf %s $v | tr -d v")
    assert said == b""
    assert driver_counters(guest)["compressed"] - before["compressed"] >= 512
    assert not is_compressed(other.states()).any()


def test_all_takes_every_user_process(guest: Guest, loads: Loads) -> None:
    a = loads.start(ContentClass.TEXT, 512, name="a", seed=1)
    b = loads.start(ContentClass.TEXT, 512, name="b", seed=2)
    driver_request(guest, "compress", "all")
    for load in (a, b):
        # The daemons sleep, so what was taken is still taken.
        assert int(is_compressed(load.states()).sum()) >= 0.9 * load.count
        load.verify(1)


def test_a_restore_hint_brings_a_process_back_in_bulk(guest: Guest, loads: Loads) -> None:
    load = loads.start(ContentClass.TEXT, 1024)
    load.compress()
    pfns = load.pfns()
    assert int(is_compressed(states_of(guest, pfns)).sum()) > 900
    with restores_counted(guest, "hint"):
        load.restore()
    assert int(is_compressed(states_of(guest, pfns)).sum()) == 0
    load.verify(1)


@pytest.mark.parametrize("who", ["nonsense", "0", "-4", "999999", "12 13"])
@pytest.mark.parametrize("verb", ["compress", "restore"])
def test_a_request_for_nothing_is_refused_and_changes_nothing(
    guest: Guest, verb: str, who: str
) -> None:
    before = driver_counters(guest)
    with pytest.raises(GuestError):
        driver_request(guest, verb, who)
    assert driver_counters(guest) == before


def test_a_kernel_thread_has_nothing_to_compress(guest: Guest) -> None:
    with pytest.raises(GuestError):
        driver_request(guest, "compress", "2")
