# SPDX-License-Identifier: GPL-2.0-or-later
"""What Xen 4.20 cannot do on Arm, or not to a compressed domain, is refused and harmless."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator

import pytest

from harness.errors import HypervisorError
from harness.hypervisor import DomainController
from harness.hypervisor.memcompress import TOOL
from harness.report.books import imbalance_pages
from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass
from harness.transport.base import Transport
from tests.integration.compression import Loads
from tests.integration.domains import paused_domain
from tests.integration.programs import push_program

PAGES = 512
# Xen's own example of introspection.
INTROSPECT = "xen-access"


@pytest.fixture
def newcomer(dom0: Transport) -> Iterator[DomainController]:
    """A domain that has not run yet, and for which the controller is not on."""
    with paused_domain(dom0, "newcomer") as domid:
        yield DomainController(dom0, domid)


def answers(dom0: Transport, domid: int) -> dict[str, int]:
    """Errno by name of what was asked; 0 if Xen did it."""
    lines = dom0.succeed([push_program(dom0, "xen_cannot.c"), str(domid)]).splitlines()
    return {name: int(error) for name, error in (line.split() for line in lines)}


def test_saving_migrating_and_offlining_of_frames_are_refused_and_harmless(
    guest: Guest, loads: Loads, dom0: Transport, domid: int
) -> None:
    load = loads.start(ContentClass.MIX, PAGES)
    guest.controller.compress()
    before = guest.controller.stats()
    assert before.compressed > PAGES / 2

    for line in (f"xl save {domid} /tmp/saved", f"xl migrate {domid} localhost"):
        done = dom0.run(line)
        said = (done.stderr + done.stdout).decode("utf-8", "replace")
        assert done.status != 0
        assert re.search("command not implemented|unknown command|not supported", said, re.I), said
    assert dom0.run("test -e /tmp/saved").status != 0

    # And below xl: the domctls that both need.
    asked = answers(dom0, domid)
    assert asked["logdirty"] == asked["context"] == errno.ENOSYS
    # Nor is a frame taken away from anybody: not from a store, the reserve, or the guest.
    assert asked["offline"] == errno.EINVAL

    after = DomainController(dom0, domid).stats()
    assert after.info["enabled"]
    assert imbalance_pages(after) == 0
    load.verify(1)


def test_a_compressed_guest_cannot_be_introspected(
    guest: Guest, loads: Loads, dom0: Transport, domid: int
) -> None:
    load = loads.start(ContentClass.MIX, PAGES)
    guest.controller.compress()
    done = dom0.run(f"timeout 60 {INTROSPECT} {domid} write 2>&1", timeout_s=90)
    assert "Error -1 setting default mem access type" in done.text
    load.verify(1)
    assert imbalance_pages(guest.controller.stats()) == 0


def test_an_introspected_domain_cannot_be_compressed(
    dom0: Transport, newcomer: DomainController
) -> None:
    # Until it is set up; what it has set stays when it ends.
    dom0.run(f"timeout 10 {INTROSPECT} {newcomer.domid} write", timeout_s=90)
    done = dom0.run([TOOL, "enable", str(newcomer.domid)])
    assert done.status == 5
    assert b"kind of domain cannot be compressed" in done.stderr
    assert not newcomer.stats().info["enabled"]


def test_a_device_cannot_be_passed_through_to_a_compressed_domain(
    dom0: Transport, newcomer: DomainController
) -> None:
    dom0.succeed([TOOL, "enable", str(newcomer.domid)])
    assert answers(dom0, newcomer.domid)["assign"] == errno.EOPNOTSUPP
    assert newcomer.stats().info["enabled"]


def test_a_domain_with_devices_passed_through_is_not_even_made_here(dom0: Transport) -> None:
    """The board has no IOMMU, so what enable would refuse is refused by xl."""
    with pytest.raises(HypervisorError, match="passthrough"):  # noqa: SIM117
        with paused_domain(dom0, "passed", 'passthrough = "enabled"'):
            pass
