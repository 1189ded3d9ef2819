# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest says about its memory, as read by the harness."""

from __future__ import annotations

import pytest

from harness.errors import GuestError
from harness.monitor.pressure import parse_pressure

PSI = """some avg10=8.07 avg60=10.45 avg300=3.79 total=12587790
full avg10=7.16 avg60=9.48 avg300=3.48 total=11639697
oom_kill 2
"""


def test_a_guest_without_driver_has_pressure_and_kills() -> None:
    found = parse_pressure(PSI, where="linux")
    assert (found.some_us, found.full_us, found.kills) == (12587790, 11639697, 2)
    assert found.requests == 0


def test_kills_of_androids_killer_are_counted_apart() -> None:
    found = parse_pressure(PSI + "lmkd_kill 3\n", where="android")
    assert (found.kills, found.lmkd_kills) == (2, 3)


def test_the_drivers_files_are_fields() -> None:
    found = parse_pressure(PSI + "requests:7\nnow_held:16384\nnow_stall_us:12\n", where="linux")
    assert (found.requests, found.held, found.stall_us) == (7, 16384, 12)


@pytest.mark.parametrize("text", ["", "some avg10=1\n", PSI + "unheard:1\n", PSI + "requests:x\n"])
def test_what_is_not_that_is_an_error_that_names_the_guest(text: str) -> None:
    with pytest.raises(GuestError, match="not what was asked for"):
        parse_pressure(text, where="linux")
