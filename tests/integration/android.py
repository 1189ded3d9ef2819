# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of the Android guest share: its commands as tables, and compression meanwhile."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from harness.errors import GuestError
from harness.scenarios.apps import Device, Kill
from harness.testbed import Guest, Testbed, attach

# One that is in every boot's set.
LARGE, OTHER = "org.andstatus.app", "com.example.trigger"
# Of the functional set, images/android/java/tests.
FEWEST_TESTS = 25


def device(guest: Guest) -> Device:
    """The activity manager of a guest."""
    return Device(guest.name, guest.transport)


def pass_the_functional_set(guest: Guest) -> None:
    """All of it, in a process that the zygote forks, and to its end: it says how many passed."""
    began = time.monotonic()
    done = guest.transport.run("am instrument", timeout_s=600)
    print(done.text, f"{time.monotonic() - began:.1f} s", sep="\n")
    assert done.status == 0, done.text
    names = re.findall(r"^ok (\S+) ms=\d+$", done.text, re.M)
    assert done.text.splitlines()[-1] == f"{len(names)} tests, 0 failed"
    assert len(names) >= FEWEST_TESTS


def kill_until(guest: Guest, count: int) -> list[Kill]:
    """The application in front takes more and more until lmkd has killed so many; whom it killed.

    Fails when somebody is left who was to go before one of them, or when not so many had to go.
    """
    phone = device(guest)
    before = len(phone.kills())
    # The highest oom_score_adj is the first to go; nobody is given another meanwhile.
    order = sorted(phone.stack(), key=lambda process: -process.adj)
    for mib in range(16, 65, 8):
        if len(phone.kills()) < before + count:
            assert " ok " in phone.front(f"burst {mib << 10}")
    kills = phone.kills()[before:]
    assert len(kills) >= count, f"nobody else had to go: {kills}"
    assert kills == [Kill(process.pid, process.adj) for process in order[: len(kills)]]
    return kills


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
