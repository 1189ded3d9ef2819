# SPDX-License-Identifier: GPL-2.0-or-later
"""The QMP facade against a small fake: replies, refusals, events, and every way to lose it."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.deadline import Deadline, DeadlineExceeded
from harness.errors import MachineError, UsageError
from harness.machine.qmp import Qmp

GREETING = {
    "QMP": {
        "version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, "package": ""},
        "capabilities": [],
    }
}
Answer = Callable[[dict[str, Any]], object]


class FakeQemu:
    """Speaks QMP; ``answer`` returns a value, an error's words (str), or None for silence."""

    def __init__(self, answer: Answer, *, greet: bool = True) -> None:
        self.ours, self.end = socket.socketpair()
        self._answer = answer
        self._greet = greet
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def send(self, document: dict[str, Any]) -> None:
        self.end.sendall(json.dumps(document).encode() + b"\r\n")

    def event(self, name: str, **data: object) -> None:
        stamp = {"seconds": 1, "microseconds": 0}
        self.send({"event": name, "data": data, "timestamp": stamp})

    def die(self) -> None:
        self.end.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        if self._greet:
            self.send(GREETING)
        buffer = ""
        while chunk := self.end.recv(65536):
            buffer += chunk.decode()
            while buffer.strip():
                try:
                    request, end = json.JSONDecoder().raw_decode(buffer.lstrip())
                except ValueError:
                    break  # the rest is on its way
                buffer = buffer.lstrip()[end:]
                self._serve_one(request)

    def _serve_one(self, request: dict[str, Any]) -> None:
        identity = {"id": request["id"]} if "id" in request else {}
        negotiating = request["execute"] == "qmp_capabilities"
        value = {} if negotiating else self._answer(request)
        if isinstance(value, str):
            self.send({"error": {"class": "GenericError", "desc": value}} | identity)
        elif value is not None:
            self.send({"return": value} | identity)


def qmp_of(fake: FakeQemu) -> Qmp:
    return Qmp(fake.ours, Deadline(5))


@pytest.fixture
def echo() -> Iterator[tuple[FakeQemu, Qmp]]:
    """A QEMU that answers with the arguments it was given."""
    fake = FakeQemu(lambda request: {"got": request.get("arguments")})
    with qmp_of(fake) as qmp:
        yield fake, qmp


def test_a_command_carries_its_arguments_and_returns_its_value(
    echo: tuple[FakeQemu, Qmp],
) -> None:
    assert echo[1].execute("anything", {"a": 1}) == {"got": {"a": 1}}
    assert echo[1].execute("plain") == {"got": None}


def test_a_refusal_is_the_callers_error_in_qemus_words() -> None:
    fake = FakeQemu(lambda request: "Device 'x' not found")
    with qmp_of(fake) as qmp, pytest.raises(UsageError, match="Device 'x' not found"):
        qmp.execute("device_del", {"id": "x"})


def test_the_end_of_the_connection_ends_a_waiting_command_at_once() -> None:
    fake = FakeQemu(lambda request: None)
    with qmp_of(fake) as qmp:
        threading.Timer(0.2, fake.die).start()
        started = time.monotonic()
        with pytest.raises(MachineError, match="went away during stop"):
            qmp.execute("stop")
        assert time.monotonic() - started < 5
        with pytest.raises(MachineError, match="has ended"):
            qmp.execute("cont")


def test_the_end_is_noticed_while_nobody_waits(echo: tuple[FakeQemu, Qmp]) -> None:
    fake, qmp = echo
    fake.die()
    deadline = Deadline(5)
    while qmp.lost is None:
        deadline.check("the end to be noticed")
        time.sleep(0.01)


def test_a_silent_qemu_runs_into_the_deadline() -> None:
    fake = FakeQemu(lambda request: None)
    with qmp_of(fake) as qmp, pytest.raises(DeadlineExceeded, match="QMP query-status"):
        qmp.execute("query-status", timeout_s=0.3)


def test_no_greeting_is_a_clear_error() -> None:
    fake = FakeQemu(lambda request: None, greet=False)
    with pytest.raises(MachineError, match="greeting"):
        Qmp(fake.ours, Deadline(0.3))


@pytest.mark.parametrize("reply_first", [True, False])
def test_quit_succeeds_whether_its_reply_or_the_end_comes_first(reply_first: bool) -> None:
    fake: FakeQemu

    def answer(request: dict[str, Any]) -> object:
        if reply_first:
            fake.send({"return": {}, "id": request["id"]})
        fake.die()
        return None

    fake = FakeQemu(answer)
    with qmp_of(fake) as qmp:
        qmp.quit()
        qmp.quit()  # once more, after the end


def test_events_from_before_the_question_are_not_lost(echo: tuple[FakeQemu, Qmp]) -> None:
    fake, qmp = echo
    fake.event("RESUME")
    fake.event("DEVICE_DELETED", device="disk0")
    assert qmp.wait_event("DEVICE_DELETED", Deadline(5))["data"] == {"device": "disk0"}
    assert qmp.wait_event("RESUME", Deadline(5))["event"] == "RESUME"


def test_waiting_for_an_event_ends_with_the_deadline_or_the_connection(
    echo: tuple[FakeQemu, Qmp],
) -> None:
    fake, qmp = echo
    with pytest.raises(DeadlineExceeded, match="SHUTDOWN"):
        qmp.wait_event("SHUTDOWN", Deadline(0.2))
    threading.Timer(0.2, fake.die).start()
    with pytest.raises(MachineError, match="went away while waiting for SHUTDOWN"):
        qmp.wait_event("SHUTDOWN", Deadline(20))


def test_a_watcher_sees_every_event(echo: tuple[FakeQemu, Qmp]) -> None:
    fake, qmp = echo
    seen: list[str] = []
    qmp.watch(lambda event: seen.append(event["event"]))
    for name in ("STOP", "RESUME"):
        fake.event(name)
        qmp.wait_event(name, Deadline(5))
    assert seen == ["STOP", "RESUME"]


def test_a_disk_that_cannot_be_plugged_leaves_no_block_node() -> None:
    asked: list[str] = []

    def answer(request: dict[str, Any]) -> object:
        asked.append(request["execute"])
        return "no such bus" if request["execute"] == "device_add" else {}

    with qmp_of(FakeQemu(answer)) as qmp, pytest.raises(UsageError, match="no such bus"):
        qmp.add_disk("extra", Path("/tmp/x"))
    assert asked == ["blockdev-add", "device_add", "blockdev-del"]


def test_nothing_listening_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="no QMP"):
        Qmp.connect(tmp_path / "nothing.sock", Deadline(1))


def test_a_socket_deep_in_the_file_system_is_reached(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    listener = socket.socket(socket.AF_UNIX)
    descriptor = os.open(deep, os.O_PATH)
    listener.bind(f"/proc/self/fd/{descriptor}/q.sock")
    listener.listen(1)
    with pytest.raises(MachineError, match="greeting"):
        Qmp.connect(deep / "q.sock", Deadline(0.3))
    listener.close()
    os.close(descriptor)
