# SPDX-License-Identifier: GPL-2.0-or-later
"""The transport over adb: what it makes of what goes wrong."""

from __future__ import annotations

import io
import os
import socket
from pathlib import Path

import pytest

from harness.deadline import Deadline, DeadlineExceeded
from harness.errors import GuestError, SetupError
from harness.transport import adb
from harness.transport.adb import AdbTransport, _Tail


@pytest.mark.parametrize("cut", [1, 3, 1000])
def test_the_status_is_taken_from_the_end_of_standard_error(cut: int) -> None:
    said = io.BytesIO()
    tail = _Tail(said)
    sent = b"no newline\0xmc12" + b"\0xmc137"
    for at in range(0, len(sent), cut):
        tail.write(sent[at : at + cut])
    assert tail.finish() == 137
    assert said.getvalue() == b"no newline\0xmc12"


@pytest.mark.parametrize("sent", [b"", b"some words", b"\0xmc12"])
def test_an_end_without_status_is_a_lost_connection(sent: bytes) -> None:
    said = io.BytesIO()
    tail = _Tail(said)
    tail.write(sent)
    assert tail.finish() is None
    assert said.getvalue() == sent


def test_a_machine_that_does_not_answer_runs_into_the_deadline(tmp_path: Path) -> None:
    with socket.socket() as silent:  # takes connections, and says nothing
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        transport = AdbTransport("android", silent.getsockname()[1], tmp_path)
        try:
            with pytest.raises(DeadlineExceeded, match="android to answer adb"):
                transport.wait_up(Deadline(1))
        finally:
            transport.close()
    assert transport._server is None


def test_a_machine_that_is_gone_says_why(tmp_path: Path) -> None:
    def alive() -> None:
        raise GuestError("a kernel panic")

    transport = AdbTransport("android", 1, tmp_path, alive=alive)
    with pytest.raises(GuestError, match="a kernel panic"):
        transport.wait_up(Deadline(5))


def test_without_adb_the_error_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adb, "ADB", "adb-that-is-not-there")
    with pytest.raises(SetupError, match="adb is not installed"):
        AdbTransport("android", 1, tmp_path).wait_up(Deadline(5))


def test_the_server_ends_with_the_transport_and_has_files_of_its_own(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        transport = AdbTransport("android", silent.getsockname()[1], tmp_path)
        with pytest.raises(DeadlineExceeded):
            transport.wait_up(Deadline(0.5))
        server = transport._server
        assert server is not None
        assert server.poll() is None
        transport.close()
        assert server.poll() is not None
    assert transport._environment()["HOME"] == str(tmp_path)
    assert not [name for name in transport._environment() if name.startswith("ANDROID_")]
    assert os.environ["HOME"] != str(tmp_path)
