# SPDX-License-Identifier: GPL-2.0-or-later
"""The process: started with its sockets, always noticed when it ends, never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from harness.errors import MachineError, SetupError
from harness.machine.qemu import QemuProcess

# Connects to the named sockets as QEMU does, then does what it is told.
FAKE = """
import socket, sys, time
ends = []
for name in {sockets!r}:
    s = socket.socket(socket.AF_UNIX); s.connect(name); ends.append(s)
{then}
"""


def fake_qemu(*sockets: str, then: str = "time.sleep(60)") -> list[str]:
    return [sys.executable, "-c", FAKE.format(sockets=sockets, then=textwrap.dedent(then))]


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"


def test_sockets_are_connected_when_it_is_started(tmp_path: Path) -> None:
    argv = fake_qemu("a.sock", "b.sock", then="ends[0].sendall(b'hello'); time.sleep(60)")
    with QemuProcess(argv, cwd=tmp_path, sockets=["a.sock", "b.sock"]) as qemu:
        assert qemu.alive
        assert qemu.sockets["a.sock"].recv(5) == b"hello"
        pid = qemu.pid
    assert gone(pid)
    assert not list(tmp_path.glob("*.sock"))


def test_a_folder_with_a_long_name_is_no_obstacle(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 80) / ("y" * 80)
    deep.mkdir(parents=True)
    with QemuProcess(fake_qemu("a.sock"), cwd=deep, sockets=["a.sock"]) as qemu:
        assert qemu.alive


def test_one_that_ends_while_starting_is_quoted(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "print('could not set up host forwarding rule'); exit(1)"]
    with pytest.raises(MachineError) as caught:
        QemuProcess(argv, cwd=tmp_path, sockets=["a.sock"])
    assert "ended with status 1: could not set up host forwarding rule" in caught.value.message


def test_one_that_was_killed_is_said_to_have_been(tmp_path: Path) -> None:
    with QemuProcess(fake_qemu("a.sock"), cwd=tmp_path, sockets=["a.sock"]) as qemu:
        os.kill(qemu.pid, signal.SIGKILL)
        assert qemu.wait(5)
        assert "was killed by SIGKILL" in qemu.lost("a test").message


def test_a_missing_qemu_is_a_matter_of_setting_up(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no qemu-system-nothing here"):
        QemuProcess(["qemu-system-nothing"], cwd=tmp_path, sockets=[])


def test_it_dies_with_its_parent_even_by_sigkill(tmp_path: Path) -> None:
    parent = f"""
import sys, time
from pathlib import Path
from harness.machine.qemu import QemuProcess
q = QemuProcess({fake_qemu("a.sock")!r}, cwd=Path({str(tmp_path)!r}), sockets=["a.sock"])
print(q.pid, flush=True)
time.sleep(60)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", parent],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    assert not gone(pid)
    process.kill()
    process.wait()
    end = time.monotonic() + 5
    while not gone(pid):
        assert time.monotonic() < end, "outlived its parent"
        time.sleep(0.02)
    process.stdout.close()
