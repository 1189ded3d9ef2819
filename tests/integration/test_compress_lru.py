# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages taken are the old ones, with either kind of access flag."""

from __future__ import annotations

from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass
from harness.scenarios.victims import choose_victims
from tests.integration.compression import Loads


def test_victims_are_from_the_untouched_half(guest: Guest, loads: Loads) -> None:
    """With the access flag set by software: the default CPU has no other."""
    load = loads.start(ContentClass.TEXT, 2048)
    verdict = choose_victims(load, 7)
    assert verdict.recall >= 0.5, verdict
    assert verdict.precision >= 0.95, verdict
    load.verify(1)


def test_victims_are_from_the_untouched_half_when_the_cpu_sets_the_flag(
    hw_af_guest: Guest, hw_af_loads: Loads
) -> None:
    load = hw_af_loads.start(ContentClass.TEXT, 2048)
    verdict = choose_victims(load, 7)
    assert verdict.recall >= 0.5, verdict
    assert verdict.precision >= 0.95, verdict
    load.verify(1)
