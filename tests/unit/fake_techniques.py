# SPDX-License-Identifier: GPL-2.0-or-later
"""A technique that does nothing, and a workload that is what the test says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.scenarios.bed import Guest
from harness.scenarios.techniques import Technique
from harness.scenarios.workloads import Running, Setup


@dataclass
class FakeTechnique(Technique):
    """Counts how often it was asked."""

    called: str
    asked: int = 0
    counted = "did"

    @property
    def name(self) -> str:
        return self.called

    def set_up(self, guest: Guest) -> None: ...
    def tear_down(self, guest: Guest) -> None: ...

    def counters(self, guest: Guest) -> dict[str, int]:
        self.asked += 1
        return {"did": self.asked}


@dataclass
class FakeWorkload:
    """Whatever ``begin`` makes of a guest."""

    begin: Callable[[Any], Running]
    name: str = "memload"

    def settings(self, guest: str) -> Mapping[str, Any]:
        return {}

    def start(self, guest: Any, setup: Setup, *, prefix: Sequence[str] = ()) -> Running:
        return self.begin(guest)
