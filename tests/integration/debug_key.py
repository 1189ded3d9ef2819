# SPDX-License-Identifier: GPL-2.0-or-later
"""The controller's debug key."""

from __future__ import annotations

from harness.hypervisor import Xl
from harness.transport.base import Transport

KEY = "y"


def pressed(dom0: Transport) -> list[str]:
    """What the key prints."""
    dom0.succeed("xl dmesg -c")
    Xl(dom0).debug_keys(KEY)
    lines = [line.removeprefix("(XEN) ") for line in dom0.succeed("xl dmesg").splitlines()]
    start = next(i for i, line in enumerate(lines) if "memory compression: reserve" in line)
    return lines[start:]
