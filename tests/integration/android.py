# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of the Android guest share: its commands as tables, and compression meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from harness.errors import GuestError
from harness.scenarios.apps import Device
from harness.testbed import Guest, Testbed, attach

# One that is in every boot's set.
LARGE, OTHER = "org.andstatus.app", "com.example.trigger"


def device(guest: Guest) -> Device:
    """The activity manager of a guest."""
    return Device(guest.name, guest.transport)


@contextmanager
def compressing(testbed: Testbed, guest: Guest, *, pause_s: float = 1.0) -> Iterator[list[int]]:
    """All that is not in use at this instant is compressed again and again; pages, by round.

    On connections of its own. Fails when a round does.
    """
    rounds: list[int] = []
    errors: list[BaseException] = []
    ended = threading.Event()

    def work() -> None:
        try:
            with attach(testbed.name) as own:
                controller = own.guest(guest.name).controller
                while not ended.is_set():
                    rounds.append(controller.compress())
                    ended.wait(pause_s)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield rounds
    finally:
        ended.set()
        thread.join(120)
    if errors:
        raise errors[0]
    assert not thread.is_alive()


def pid_of(guest: Guest, program: str) -> int:
    """Of the one process whose program or script has this name; waits until there is one."""
    for _ in range(100):
        said = guest.transport.run(f"pidof {program}").text.split()
        if len(said) == 1:
            return int(said[0])
        time.sleep(0.2)
    raise GuestError(f"no single {program} in the guest: {said}", where=guest.name)
