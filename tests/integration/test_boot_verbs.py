# SPDX-License-Identifier: GPL-2.0-or-later
"""boot, reboot and halt as a user types them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.testbed import halt
from harness.testbed.record import Folder
from harness.testbed.states import State
from harness.testing import keep_logs, remove

Harness = Callable[..., "subprocess.CompletedProcess[str]"]
ONE_GUEST = ("--set", "guests.android.enabled=false")


@pytest.fixture
def name(request: pytest.FixtureRequest, testbed_logs: Path) -> Iterator[str]:
    made = f"verbs-{os.getpid()}"
    yield made
    halt(made)
    folder = Folder.named(made)
    keep_logs(folder, testbed_logs / request.node.name)
    remove(folder)


@pytest.fixture
def harness(name: str) -> Harness:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "harness.cli.app", "--name", name, *words],
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


def test_a_session_from_boot_to_halt(name: str, harness: Harness) -> None:
    booted = harness("boot", *ONE_GUEST)
    assert booted.returncode == 0, booted.stderr
    assert f"harness --name {name} ssh linux" in booted.stdout
    first = Folder.named(name).read()

    again = harness("boot", *ONE_GUEST)
    assert again.returncode == 0
    assert Folder.named(name).read().qemu_pid == first.qemu_pid
    other = harness("boot", *ONE_GUEST, "--set", "guests.linux.memory_mib=48")
    assert other.returncode == 2
    assert "another profile" in other.stderr

    rebooted = harness("reboot", "--json")
    assert rebooted.returncode == 0, rebooted.stderr
    document = json.loads(rebooted.stdout)
    assert document["state"] == "ready"
    assert document["overrides"] == ["guests.android.enabled=false"]
    assert document["pids"]["qemu"] != first.qemu_pid

    assert harness("halt").returncode == 0
    assert harness("status").returncode == 0
    assert Folder.named(name).read().state is State.OFF
    assert not Folder.named(name).running()
    assert harness("exec", "linux", "--", "true").returncode == 2


def test_a_warm_boot_takes_less_than_a_minute(harness: Harness) -> None:
    started = time.monotonic()
    assert harness("boot", *ONE_GUEST).returncode == 0
    assert time.monotonic() - started < 60


def test_a_dry_run_prints_the_command_line_and_starts_nothing(name: str, harness: Harness) -> None:
    text = harness("boot", "--dry-run", *ONE_GUEST, "--set", "board.cpus=1").stdout
    assert "qemu-system-aarch64" in text
    assert "-smp 1 " in text.replace("\n", " ")
    argv = json.loads(harness("boot", "--dry-run", *ONE_GUEST, "--json").stdout)["argv"]
    assert "virt,virtualization=on,gic-version=3" in argv
    assert not Folder.named(name).running()


def test_ctrl_c_while_booting_leaves_nothing_running(name: str) -> None:
    command = [sys.executable, "-m", "harness.cli.app", "--name", name, "boot", *ONE_GUEST]
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # A shell's background job ignores SIGINT, and so would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    folder = Folder.named(name)
    end = time.monotonic() + 60
    while folder.read().state is State.OFF:
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) != 0
    assert not folder.running()
