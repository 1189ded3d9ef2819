# SPDX-License-Identifier: GPL-2.0-or-later
"""After an episode of pressure: what has grown is given back, and nobody does anything any more."""

from __future__ import annotations

import pytest

from harness.build.artifacts import existing
from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass, Corpus
from harness.scenarios.driver import Activity, activity
from harness.scenarios.heaps import Heaps
from harness.scenarios.load import driver_file
from harness.scenarios.pressure import read_pressure
from tests.integration.compression import nothing_compressed, wait_for
from tests.integration.conftest import SLICE_MIB

FRAMES = SLICE_MIB * 256


@pytest.mark.slow
def test_what_is_idle_is_given_back_and_then_nothing_is_asked_for(sliced: Guest) -> None:
    """Driver and daemon as the image begins them, free page reporting and all."""
    heaps = Heaps(sliced, Corpus.load(existing().corpus.path), ContentClass.TEXT)
    for _ in range(12):
        heaps.begin()
    heaps.verify()
    grown, before = int(driver_file(sliced, "grown")), read_pressure(sliced)
    assert grown > 0
    heaps.end()
    wait_for("growth to be given back", lambda: int(driver_file(sliced, "grown")) == 0)
    after = read_pressure(sliced)
    print(f"{grown} pages had grown, {after.given_back - before.given_back} were given back")
    assert after.given_back - before.given_back >= grown
    assert after.kills == before.kills
    assert sliced.controller.stats().ballooned >= FRAMES - 16
    with nothing_compressed(sliced):
        assert activity(sliced, 10) == Activity(requests=0, wakeups=0)
