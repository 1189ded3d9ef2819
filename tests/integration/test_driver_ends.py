# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests with a driver that end, by themselves or badly, while pages of theirs are compressed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from harness.hypervisor import DomainController, Xl
from harness.report.books import imbalance_pages
from harness.scenarios.bed import Guest
from harness.testbed import Testbed
from harness.transport.base import Transport
from tests.integration.compression import SETUP, wait_for
from tests.integration.domains import create_paused, destroy_if_there, paused_domain
from tests.integration.test_compress_lifecycle import settled_frames

NAME = "ending"
CONSOLE = f"/var/log/xen/console/guest-{NAME}.log"
PAGES = 2048


@pytest.fixture
def ending(dom0: Transport) -> Iterator[Callable[[], DomainController]]:
    """Creates a guest with driver and daemon that nothing else needs; gone at the end."""

    def create() -> DomainController:
        dom0.succeed(f"rm -f {CONSOLE}")
        controller = DomainController(dom0, create_paused(dom0, NAME))
        controller.enable(SETUP)
        Xl(dom0).unpause(NAME)
        wait_for("it to be up", lambda: "XMC-GUEST-READY" in console(dom0))
        return controller

    yield create
    print(console(dom0)[-2000:])
    destroy_if_there(dom0, NAME)


def console(dom0: Transport) -> str:
    """What it has printed."""
    return dom0.succeed(f"cat {CONSOLE} 2> /dev/null || true")


def type_in(dom0: Transport, controller: DomainController, command: str) -> None:
    """Into the shell on its console."""
    tty = f"$(xenstore-read /local/domain/{controller.domid}/console/tty)"
    dom0.succeed(f"printf '%s\\n' '{command}' > {tty}")


def hold_and_compress(dom0: Transport, controller: DomainController) -> None:
    """The guest has content of its own, and most of it is compressed."""
    serve = f"memload serve --socket /tmp/m --pages {PAGES} --class text --seed 1 --detach"
    fill = "memload ctl --socket /tmp/m fill 1"
    # In two parts: what is typed is printed as well.
    type_in(dom0, controller, f'{serve}; {fill}; echo "MEMORY-IS"-FILLED')
    wait_for("its memory to be filled", lambda: "MEMORY-IS-FILLED" in console(dom0))
    controller.compress()
    assert controller.stats().compressed > PAGES // 2


@dataclass(frozen=True)
class Holding:
    """A guest most of whose memory is compressed; frames: what the host has without it."""

    controller: DomainController
    frames: int


@pytest.fixture
def holding(
    testbed: Testbed, guest: Guest, dom0: Transport, ending: Callable[[], DomainController]
) -> Holding:
    guest.controller.restore()
    # What the first guest of a testbed leaves is left by now.
    with paused_domain(dom0, NAME):
        pass
    frames = settled_frames(testbed)
    controller = ending()
    hold_and_compress(dom0, controller)
    return Holding(controller, frames)


@pytest.mark.slow
def test_a_guest_reboots_with_compressed_pages(
    testbed: Testbed, dom0: Transport, holding: Holding, ending: Callable[[], DomainController]
) -> None:
    """All its frames come back, and the next one of it is up and asks again."""
    type_in(dom0, holding.controller, "reboot -f")
    wait_for("it to end", lambda: NAME not in Xl(dom0).domains())
    assert abs(settled_frames(testbed) - holding.frames) < 16
    controller = ending()
    type_in(dom0, controller, "cat /proc/modules")
    wait_for("its driver", lambda: "xen_memcompress" in console(dom0).rpartition("READY")[2])
    hold_and_compress(dom0, controller)


def test_a_guest_crashes_with_compressed_pages(
    testbed: Testbed, dom0: Transport, holding: Holding
) -> None:
    """It stays to be looked at with its books in order, and then all its frames come back."""
    # Linux on Arm does not tell Xen that it panics: it stays where it is, or reboots.
    panic = "echo 0 > /proc/sys/kernel/panic; echo 2 > /proc/sys/vm/panic_on_oom"
    fill = "mount -o remount,size=100% /tmp; dd if=/dev/zero of=/tmp/all bs=64k"
    type_in(dom0, holding.controller, f"{panic}; {fill}")
    wait_for("it to panic", lambda: "Kernel panic" in console(dom0))
    stats = holding.controller.stats()
    assert stats.compressed > 0
    assert imbalance_pages(stats) == 0
    Xl(dom0).destroy(NAME)
    assert abs(settled_frames(testbed) - holding.frames) < 16
