# SPDX-License-Identifier: GPL-2.0-or-later
"""The state file: whole or absent, and never trusted without its supervisor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import HypervisorError, MachineError, UsageError
from harness.testbed import record as record_module
from harness.testbed.record import Folder, Record, Request
from harness.testbed.states import Failure, State


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(record_module, "state_dir", lambda: tmp_path)
    monkeypatch.delenv("XMC_TESTBED", raising=False)
    return tmp_path


@pytest.fixture
def folder() -> Folder:
    made = Folder.named("mine")
    made.path.mkdir()
    return made


def failure() -> Failure:
    error = HypervisorError("Xen panicked", where="console xen", hint="look", context=["a", "b"])
    return Failure.of(error, State.XEN, 1.25)


def test_a_record_comes_back_as_it_was(folder: Folder) -> None:
    record = Record(
        "mine",
        state=State.OFF,
        done=True,
        failure=failure(),
        guest_failures={"linux": failure()},
        overrides=("board.cpus=1",),
        timeline={"xen": 0.5},
        ports={"dom0": 4711},
    )
    folder.write(record)
    assert folder.read() == record


def test_a_request_comes_back_as_it_was(folder: Folder) -> None:
    request = Request(
        "hw-af",
        ("a.b=1",),
        {"board": {"cpus": 1}},
        {"xen": "/x"},
        {"xen": "d"},
        State.DOM0,
        False,
        7,
    )
    folder.write_request(request)
    assert folder.read_request() == request


def test_a_failure_keeps_its_type_and_says_how_far_it_came() -> None:
    error = failure().error()
    assert type(error) is HypervisorError
    assert error.exit_code == 6
    assert "reached state xen, 1.2 s" in error.where or "1.3 s" in error.where
    assert list(error.context) == ["a", "b"]


def test_our_own_bug_is_no_machine_error() -> None:
    error = Failure.of(KeyError("x"), State.DOM0, 1.0).error()
    assert error.exit_code == 1
    assert "internal error: KeyError" in error.message


def test_without_a_state_file_a_testbed_is_off(folder: Folder) -> None:
    assert folder.read().state is State.OFF
    assert not folder.running()


def test_a_running_state_without_its_supervisor_is_stale(folder: Folder) -> None:
    folder.write(Record("mine", state=State.READY, done=True, supervisor_pid=os.getpid()))
    read = folder.read()
    assert read.state is State.OFF
    assert read.failure is not None
    assert "was killed" in read.failure.message
    assert isinstance(read.failure.error(), MachineError)


def test_the_lock_is_what_counts_and_has_one_holder(folder: Folder) -> None:
    lock = folder.try_lock()
    assert lock is not None
    assert folder.running()
    assert folder.try_lock() is None
    folder.write(Record("mine", state=State.READY))
    assert folder.read().state is State.READY
    os.close(lock)
    assert not folder.running()


def test_the_lock_goes_with_its_descriptor_to_a_child_and_ends_with_it(folder: Folder) -> None:
    lock = folder.try_lock()
    assert lock is not None
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"],
        pass_fds=[lock],
        stdin=subprocess.PIPE,
    )
    os.close(lock)
    assert folder.running()
    child.kill()
    child.wait()
    assert child.stdin is not None
    child.stdin.close()
    assert not folder.running()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"state": "ready"}', '{"state": "flying"}'])
def test_a_damaged_state_file_is_a_clear_error(folder: Folder, text: str) -> None:
    (folder.path / "state.json").write_text(text)
    with pytest.raises(MachineError, match="state file cannot be read"):
        folder.read()


def test_writing_never_leaves_half_a_file(folder: Folder) -> None:
    for state in State:
        folder.write(Record("mine", state=state))
        json.loads((folder.path / "state.json").read_text())
    assert [path.name for path in folder.path.iterdir()] == ["state.json"]


def test_cleaning_keeps_the_lock_and_nothing_else(folder: Folder) -> None:
    lock = folder.try_lock()
    assert lock is not None
    folder.write(Record("mine"))
    folder.consoles.mkdir()
    folder.console_log("xen").write_text("old")
    folder.clean()
    assert sorted(path.name for path in folder.path.iterdir()) == ["consoles", "lock"]
    assert not list(folder.consoles.iterdir())
    os.close(lock)


def test_the_name_comes_from_the_caller_or_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Folder.named().name == "default"
    monkeypatch.setenv("XMC_TESTBED", "other")
    assert Folder.named().name == "other"
    assert Folder.named("mine").name == "mine"


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "a b", "x" * 60])
def test_a_name_that_is_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="no name for a testbed"):
        Folder.named(name)
