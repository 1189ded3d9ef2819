# SPDX-License-Identifier: GPL-2.0-or-later
"""Booting what cannot boot: one clear error, and nothing left running.

The supervisor is the real one; what it starts is not there or is no machine.
"""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.config import load_profile
from harness.errors import MachineError, SetupError, UsageError
from harness.testbed import attach, boot, halt, launch, reboot
from harness.testbed import record as record_module
from harness.testbed.launch import already_up
from harness.testbed.record import Folder, Record, Request
from harness.testbed.states import State

NO_ANDROID = "guests.android.enabled=false"


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(record_module, "state_dir", lambda: tmp_path / "state")
    monkeypatch.delenv("XMC_TESTBED", raising=False)
    return tmp_path / "state"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Artifacts of which none is what it should be."""
    made = {name: tmp_path / name for name in ("xen", "kernel", "dom0_initrd", "linux_initrd")}
    for path in made.values():
        path.write_bytes(b"\0" * 4096)
    return made


def nothing_runs(name: str) -> bool:
    folder = Folder.named(name)
    return not folder.running() and folder.read().state is State.OFF


def fake_qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A program of QEMU's name, first in the path."""
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    program = bin_dir / "qemu-system-aarch64"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_dir}{os.pathsep}{os.environ['PATH']}")


def test_a_missing_artifact_is_named(files: dict[str, Path]) -> None:
    files["xen"].unlink()
    with pytest.raises(SetupError, match="xen is not built"):
        boot(overrides=[NO_ANDROID], name="t", files=files)
    assert nothing_runs("t")


def test_a_busy_port_stops_the_boot(files: dict[str, Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(SetupError, match=f"port {port} .* is busy"):
            boot(overrides=[NO_ANDROID, f"dom0.ssh_port={port}"], name="t", files=files)
    assert nothing_runs("t")


def test_a_qemu_that_refuses_to_start_is_quoted(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_qemu(tmp_path, monkeypatch, "echo 'qemu: unknown CPU model'; exit 1")
    with pytest.raises(MachineError, match="ended with status 1: qemu: unknown CPU model"):
        boot(overrides=[NO_ANDROID], name="t", files=files)
    assert nothing_runs("t")


def test_the_first_failure_answers_what_is_asked_later(files: dict[str, Path]) -> None:
    files["kernel"].unlink()
    with pytest.raises(SetupError):
        boot(overrides=[NO_ANDROID], name="t", files=files)
    with pytest.raises(SetupError, match="kernel is not built") as caught:
        attach("t")
    assert "reached state off" in caught.value.where


def test_a_malformed_profile_starts_nothing(files: dict[str, Path], state_dir: Path) -> None:
    with pytest.raises(UsageError):
        boot(overrides=["board.cpus=none"], name="t", files=files)
    assert not state_dir.exists()


def test_a_testbed_that_runs_is_not_booted_twice(files: dict[str, Path]) -> None:
    lock = Folder.named("t").try_lock()
    assert lock is not None
    with pytest.raises(UsageError, match="testbed t is running"):
        boot(overrides=[NO_ANDROID], name="t", files=files)
    os.close(lock)


def running_as(name: str, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> int:
    """The state that a ready testbed leaves in its folder; its lock."""
    monkeypatch.setattr(launch, "artifacts", lambda resolved: ({}, {"xen": "digest"}))
    folder = Folder.named(name)
    lock = folder.try_lock()
    assert lock is not None
    request = Request("default", (), load_profile().document, {}, {"xen": "digest"})
    folder.write_request(replace(request, **changes))
    folder.write(Record(name, state=State.READY, done=True, ports={"dom0": 1}))
    return lock


def test_booting_what_is_up_already_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert already_up(name="t") is None
    lock = running_as("t", monkeypatch)
    found = already_up(name="t")
    assert found is not None
    assert found.ports == {"dom0": 1}
    os.close(lock)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"config": {"board": {}}, "overrides": ("a=1",)}, "another profile .default a=1."),
        ({"digests": {"xen": "older"}}, "an earlier build"),
    ],
)
def test_booting_beside_another_build_or_profile_says_which(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], words: str
) -> None:
    lock = running_as("t", monkeypatch, **changes)
    with pytest.raises(UsageError, match=words):
        already_up(name="t")
    os.close(lock)


def test_what_never_ran_cannot_be_attached_to_or_rebooted_and_halting_it_is_fine() -> None:
    with pytest.raises(UsageError, match="testbed t is off"):
        attach("t")
    with pytest.raises(UsageError, match="never booted"):
        reboot("t")
    assert halt("t") is None
