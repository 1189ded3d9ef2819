# SPDX-License-Identifier: GPL-2.0-or-later
"""How much of the host's memory a guest holds, and waiting until it is no more than it may."""

from __future__ import annotations

import time

from harness.config.model import Guest
from harness.deadline import Deadline
from harness.hypervisor.memcompress import DomainController
from harness.hypervisor.xl import Xl

PAGES_PER_MIB = 256
# A balloon stops within a page of its target, which is not that of Xen's count.
SLACK_MIB = 1
POLL_S = 0.5


def held_mib(guest: Guest, xl: Xl, controller: DomainController | None) -> int:
    """What a guest costs the host: with its driver it may have more pages than that.

    controller: of its domain, None without one
    """
    if controller is None:
        return xl.domains()[guest.name].memory_mib
    return controller.stats().held // PAGES_PER_MIB


def wait_held(
    guest: Guest,
    mib: int,
    xl: Xl,
    controller: DomainController | None,
    deadline: Deadline,
) -> None:
    """Wait until it holds no more than ``mib``. Raises DeadlineExceeded."""
    while (now := held_mib(guest, xl, controller)) > mib + SLACK_MIB:
        deadline.check(f"guest {guest.name} to hold its {mib} MiB only", last_seen=f"{now} MiB")
        time.sleep(POLL_S)
