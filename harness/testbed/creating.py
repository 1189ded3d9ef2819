# SPDX-License-Identifier: GPL-2.0-or-later
"""From an xl config in dom0 to a domain that runs."""

from __future__ import annotations

from harness.config.model import Guest
from harness.hypervisor.memcompress import DomainController
from harness.hypervisor.xl import Xl
from harness.testbed.assets import config_path
from harness.transport.base import Transport


def create_guest(guest: Guest, dom0: Transport, *, controlled: bool) -> int:
    """Create the domain of a guest and let it run; its id.

    controlled: switch the controller on for it, as the profile says how

    Raises HypervisorError when there is no room for it.
    """
    xl = Xl(dom0)
    domid = xl.create_paused(config_path(guest), guest.name)
    # Before its first instruction: the controller refuses a domain that has run.
    if controlled:
        DomainController(dom0, domid).enable(guest.compress)
    if guest.slice_mib:
        xl.set_slice(domid, guest.slice_mib)
    xl.unpause(domid)
    return domid
