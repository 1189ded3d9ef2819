# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines that die, on the way up and later: one clear error, nothing left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.deadline import Deadline
from harness.errors import GuestError, HypervisorError, MachineError
from harness.testbed import State, Testbed, attach, boot, halt
from harness.testbed.record import Folder, Record
from harness.testing import keep_logs, remove

# One small guest: these boot often.
ONE_GUEST = ["guests.android.enabled=false"]


@pytest.fixture
def name(request: pytest.FixtureRequest, testbed_logs: Path) -> Iterator[str]:
    """A testbed of this test alone, ended and put away whatever happens."""
    made = f"broken-{os.getpid()}"
    yield made
    halt(made)
    folder = Folder.named(made)
    keep_logs(folder, testbed_logs / request.node.name)
    remove(folder)


def wait_for(name: str, state: State) -> Record:
    """Wait, in another thread than the one that boots, until a state is reached."""
    deadline = Deadline(120)
    folder = Folder.named(name)
    while True:
        record = folder.read()
        if record.qemu_pid and record.state.rank >= state.rank:
            return record
        deadline.check(f"testbed {name} to reach {state}", last_seen=record.state.value)
        time.sleep(0.01)


def gone(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):  # the latter: it ended while we read
        return True
    return stat.rsplit(")", 1)[1].split()[0] == "Z"


def wait_gone(*pids: int) -> None:
    deadline = Deadline(60)
    while not all(gone(pid) for pid in pids):
        deadline.check(f"processes {pids} to end")
        time.sleep(0.02)


@pytest.mark.parametrize("state", [State.XEN, State.DOM0, State.GUESTS])
def test_qemu_killed_on_the_way_up_is_said_so(name: str, state: State) -> None:
    pids: list[int] = []

    def kill() -> None:
        record = wait_for(name, state)
        pids.extend([record.qemu_pid, record.supervisor_pid])
        os.kill(record.qemu_pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(MachineError) as caught:
        boot(overrides=ONE_GUEST, name=name)
    killer.join()
    assert "was killed by SIGKILL" in caught.value.message
    assert f"state {state}" in caught.value.where
    wait_gone(*pids)
    assert Folder.named(name).read().state is State.OFF


def test_qemu_killed_when_ready_is_noticed_by_whoever_asks(name: str) -> None:
    with boot(overrides=ONE_GUEST, name=name, background=False) as testbed:
        record = testbed.record
        os.kill(record.qemu_pid, signal.SIGKILL)
        wait_gone(record.qemu_pid, record.supervisor_pid)
        with pytest.raises(MachineError, match="was killed by SIGKILL"):
            testbed.guest("linux").transport.run("true")
    with pytest.raises(MachineError, match="was killed by SIGKILL"):
        attach(name)


def test_qemu_killed_while_a_command_runs_ends_the_command(name: str) -> None:
    with boot(overrides=ONE_GUEST, name=name, background=False) as testbed:
        qemu = testbed.record.qemu_pid
        threading.Timer(1, os.kill, [qemu, signal.SIGKILL]).start()
        started = time.monotonic()
        with pytest.raises(MachineError, match="was killed by SIGKILL"):
            testbed.guest("linux").transport.run("sleep 60")
        assert time.monotonic() - started < 45  # and not the 60 that the command takes


def test_a_killed_supervisor_takes_qemu_along_and_leaves_no_trusted_state(name: str) -> None:
    with boot(overrides=ONE_GUEST, name=name, until=State.DOM0, background=False) as testbed:
        record = testbed.record
    os.kill(record.supervisor_pid, signal.SIGKILL)
    wait_gone(record.supervisor_pid, record.qemu_pid)
    deadline = Deadline(60)
    while Folder.named(name).running():  # its threads may still be about to end
        deadline.check("the lock to be free")
        time.sleep(0.01)
    with pytest.raises(MachineError, match="supervisor was killed"):
        attach(name)
    with boot(overrides=ONE_GUEST, name=name, until=State.DOM0, background=False) as again:
        assert again.record.state is State.DOM0


@pytest.mark.parametrize("background", [True, False])
def test_a_testbed_outlives_its_caller_if_and_only_if_it_was_asked_to(
    name: str, background: bool
) -> None:
    script = (
        "from harness.testbed import boot, State\n"
        f"boot(overrides={ONE_GUEST!r}, name={name!r}, until=State.DOM0, background={background})\n"
        "print('up', flush=True)\n"
        "import time; time.sleep(60)\n"
    )
    caller = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert caller.stdout is not None
    assert caller.stdout.readline() == b"up\n"
    record = Folder.named(name).read()
    caller.kill()
    caller.wait()
    caller.stdout.close()
    if background:
        with attach(name) as testbed:
            assert testbed.dom0.succeed("hostname") == "dom0"
    else:
        wait_gone(record.supervisor_pid, record.qemu_pid)
    assert Folder.named(name).running() is background


def test_a_caller_killed_while_booting_leaves_nothing_running(name: str) -> None:
    script = f"from harness.testbed import boot\nboot(overrides={ONE_GUEST!r}, name={name!r})\n"
    caller = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    record = wait_for(name, State.XEN)
    caller.kill()
    caller.wait()
    wait_gone(record.supervisor_pid, record.qemu_pid)
    assert not Folder.named(name).running()


def test_a_guest_that_panics_on_boot_is_shown_with_its_last_words(name: str) -> None:
    with pytest.raises(GuestError) as caught:
        boot(overrides=[*ONE_GUEST, 'guests.linux.options=["rdinit=/nothing"]'], name=name)
    assert "Unable to mount root fs" in caught.value.message
    assert "console linux" in caught.value.where
    assert any("Kernel Offset" in line for line in caught.value.context)  # said after it
    # And what Xen was at, for who wants to know more.
    assert "Dumping timer queues" in (Folder.named(name).consoles / "xen.log").read_text()
    assert not Folder.named(name).running()


def test_a_guest_that_runs_out_of_memory_later_does_not_end_the_others(name: str) -> None:
    second = ["guests.second.kind=linux", "guests.second.memory_mib=40"]
    with boot(overrides=[*ONE_GUEST, *second], name=name, background=False) as testbed:
        linux = testbed.guest("linux").transport
        linux.run("(sleep 0.5; tail /dev/zero) >/dev/null 2>&1 &")
        deadline = Deadline(180)
        while "linux" not in testbed.record.guest_failures:
            deadline.check("the kill to be noted")
            time.sleep(0.05)
        with pytest.raises(GuestError, match="killed for memory"):
            testbed.check("linux")
        testbed.check("second")
        assert testbed.guest("second").transport.succeed("hostname") == "second"


def test_a_xen_that_panics_is_shown_with_its_words(name: str) -> None:
    """dom0 without a kernel: Xen gives up."""
    with pytest.raises(HypervisorError) as caught:
        boot(overrides=[*ONE_GUEST, "dom0.memory_mib=900", "board.memory_mib=1100"], name=name)
    assert "panicked" in caught.value.message
    assert "console xen" in caught.value.where
    assert not Folder.named(name).running()


def test_a_board_that_resets_is_a_machine_that_ended(name: str) -> None:
    """Xen's reset key: what a watchdog or a panic without words looks like."""
    with boot(overrides=ONE_GUEST, name=name, until=State.DOM0, background=False) as testbed:
        record = testbed.record
        testbed.dom0.run("(sleep 0.5; xl debug-keys R) >/dev/null 2>&1 &")
        wait_gone(record.qemu_pid, record.supervisor_pid)
        with pytest.raises(MachineError, match="ended with status 0"):
            testbed.dom0.run("true")


def test_two_testbeds_run_side_by_side(name: str, booted: Testbed) -> None:
    with boot(overrides=ONE_GUEST, name=name, background=False) as other:
        assert not set(other.ports.values()) & set(booted.ports.values())
        mark = "only here"
        other.dom0.succeed(f"echo {mark} > /tmp/mark")
        assert booted.dom0.run("cat /tmp/mark").status != 0
        assert other.guest("linux").transport.succeed("hostname") == "linux"
    halt(name)
    assert booted.dom0.succeed("echo alive") == "alive"
