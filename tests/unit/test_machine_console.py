# SPDX-License-Identifier: GPL-2.0-or-later
"""Consoles: captured from the first byte, matched, and never waited on in vain."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.deadline import Deadline, DeadlineExceeded
from harness.errors import GuestError, HypervisorError, MachineError
from harness.machine.console import Console

GOLDEN = Path(__file__).parent / "golden" / "consoles"


class Machine:
    """The far end of a console."""

    def __init__(self, log_dir: Path, **options: object) -> None:
        ours, self.end = socket.socketpair()
        self.events: list[str] = []
        self.console = Console(
            "linux",
            ours,
            log_dir=log_dir,
            clock=lambda: 1.5,
            on_event=lambda console: self.events.append(console.name),
            **options,  # type: ignore[arg-type]
        )

    def says(self, text: str | bytes) -> None:
        self.end.sendall(text if isinstance(text, bytes) else text.encode())


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    yield made
    made.end.close()
    made.console.close()


def test_a_match_gives_its_groups_and_the_rest_waits(machine: Machine) -> None:
    machine.says("booting\nXMC-GUEST-READY linux\nlater\n")
    match = machine.console.expect(r"READY (\w+)", Deadline(5))
    assert match.group(1) == "linux"
    machine.console.expect("later", Deadline(5))


def test_a_match_may_come_in_pieces_and_characters_in_halves(machine: Machine) -> None:
    threading.Timer(0.1, machine.says, ["READ"]).start()
    threading.Timer(0.2, machine.says, ["é".encode()[:1]]).start()
    threading.Timer(0.3, machine.says, ["é".encode()[1:] + b"Y"]).start()
    assert machine.console.expect("READéY", Deadline(5)).group() == "READéY"


def test_the_log_has_every_line_with_its_time(machine: Machine, tmp_path: Path) -> None:
    machine.says("one\r\ntwo\r\nlast without end")
    machine.end.close()
    machine.console.close()
    assert (tmp_path / "linux.log").read_text().splitlines() == [
        "[    1.500000] one",
        "[    1.500000] two",
        "[    1.500000] last without end",
    ]


def test_bytes_that_are_no_text_do_not_end_the_capture(machine: Machine) -> None:
    machine.says(b"\xff\xfe\x00\n ready\n")
    machine.console.expect("ready", Deadline(5))


def test_a_deadline_says_what_was_waited_for_and_what_was_last_seen(machine: Machine) -> None:
    machine.says("mounting root\n")
    with pytest.raises(DeadlineExceeded) as caught:
        machine.console.expect("READY", Deadline(0.5))
    assert "READY" in str(caught.value)
    assert "mounting root" in str(caught.value)


def test_the_end_of_a_console_ends_the_wait_at_once(machine: Machine) -> None:
    machine.says("going down\n")
    threading.Timer(0.1, machine.end.close).start()
    started = time.monotonic()
    with pytest.raises(MachineError, match="console ended while waiting"):
        machine.console.expect("READY", Deadline(30))
    assert time.monotonic() - started < 5
    machine.console.close()
    assert machine.events == ["linux"]


def test_a_bad_line_ends_the_wait_with_its_whole_report(machine: Machine) -> None:
    machine.says((GOLDEN / "xen-panic.log").read_text())
    with pytest.raises(HypervisorError) as caught:
        machine.console.expect("READY", Deadline(30))
    assert "Could not set up DOM0" in caught.value.message
    assert any("LOADING DOMAIN 0" in line for line in caught.value.context)
    assert any("Reboot in five seconds" in line for line in caught.value.context)
    assert machine.events == ["linux"]


def test_a_bad_line_counts_even_if_what_is_waited_for_comes_first(machine: Machine) -> None:
    machine.says("READY\nKernel panic - not syncing: no init\n")
    machine.console.expect("READY", Deadline(5))
    with pytest.raises(GuestError, match="no init"):
        machine.console.expect("other", Deadline(5))
    with pytest.raises(GuestError, match="no init"):
        machine.console.check()


def test_an_expected_bad_line_is_let_through(tmp_path: Path) -> None:
    machine = Machine(tmp_path, allow=["oom"])
    machine.says("Out of memory: Killed process 5 (x)\nREADY\n")
    machine.console.expect("READY", Deadline(5))
    machine.end.close()
    machine.console.close()
    assert machine.console.bad is None


def test_whoever_waits_can_be_told_that_it_is_pointless(machine: Machine) -> None:
    def alive() -> None:
        raise GuestError("domain is gone")

    with pytest.raises(GuestError, match="domain is gone"):
        machine.console.expect("READY", Deadline(30), alive=alive)


def test_typing_reaches_the_machine(machine: Machine) -> None:
    machine.console.send("help\n")
    assert machine.end.recv(100) == b"help\n"


def test_megabytes_that_nobody_waits_for_are_logged_and_not_kept(
    machine: Machine, tmp_path: Path
) -> None:
    line = "x" * 99 + "\n"
    for _ in range(40):
        machine.says(line * 1000)
    machine.says("THE END\n")
    machine.console.expect("THE END", Deadline(20))
    machine.end.close()
    machine.console.close()
    log = (tmp_path / "linux.log").read_text()
    assert len(re.findall("x{99}", log)) == 40_000
