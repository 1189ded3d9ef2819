# SPDX-License-Identifier: GPL-2.0-or-later
"""Nothing at all, and killing: what is there without anything of ours."""

from __future__ import annotations

from harness.scenarios.bed import Guest
from harness.scenarios.pressure import read_pressure
from harness.scenarios.techniques.base import Technique


class Nothing(Technique):
    """The paper's Table 1: what does not fit does not run. A kill is a failure of the run."""

    name = "none"
    counted = "kills"

    def set_up(self, guest: Guest) -> None:
        """There is nothing to set up."""

    def tear_down(self, guest: Guest) -> None:
        """Nor to tear down."""

    def counters(self, guest: Guest) -> dict[str, int]:
        return {"kills": read_pressure(guest).kills}


class Kill(Technique):
    """A low-memory killer makes room: Android's lmkd in its guest, the kernel's in another.

    Both take by ``oom_score_adj``: a workload says which of its processes can be spared. A kill is
    how it works, and counted.
    """

    name = "kill"
    counted = "kills"

    def set_up(self, guest: Guest) -> None:
        """Every image has it at work."""

    def tear_down(self, guest: Guest) -> None:
        """It stays at work."""

    def counters(self, guest: Guest) -> dict[str, int]:
        now = read_pressure(guest)
        return {"kills": now.kills + now.lmkd_kills}
