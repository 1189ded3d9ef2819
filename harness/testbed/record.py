# SPDX-License-Identifier: GPL-2.0-or-later
"""The state file of a testbed and the folder around it.

    <state dir>/<name>/
        lock            held by the supervisor for as long as it lives
        request.json    what was asked for: profile, overrides, artifacts
        state.json      what is: written by the supervisor only, whole or not at all
        events.jsonl    state changes and QMP events, seconds after the start
        consoles/       xen.log and one log per guest
        key             private ssh key of this testbed
        supervisor.log, qemu.log

A testbed runs if and only if its lock is held: process ids come back, locks do not.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import MachineError, UsageError
from harness.paths import state_dir
from harness.testbed.states import Failure, State

SCHEMA = 1
DEFAULT_NAME = "default"
NAME_VARIABLE = "XMC_TESTBED"
# struct flock of 64-bit Linux: type, whence, start, length (0: all of it), pid
_FLOCK = "hhqqi4x"
_WRITE_LOCK = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Request:
    """What a supervisor is asked to bring up."""

    profile: str
    overrides: tuple[str, ...]
    config: Mapping[str, Any]
    """The profile as it was then, overrides applied."""
    files: Mapping[str, str]
    """Paths of the artifacts by name."""
    digests: Mapping[str, str]
    """Hash of each artifact's inputs."""
    until: State = State.READY
    background: bool = True
    """Outlive the process that asked, once ``until`` is reached."""
    parent: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "profile": self.profile,
            "overrides": list(self.overrides),
            "config": dict(self.config),
            "files": dict(self.files),
            "digests": dict(self.digests),
            "until": self.until.value,
            "background": self.background,
            "parent": self.parent,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Request:
        values = {key: value for key, value in document.items() if key != "schema"}
        values["overrides"] = tuple(values["overrides"])
        values["until"] = State(values["until"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Record:
    """What state.json says."""

    name: str
    state: State = State.OFF
    done: bool = False
    """The supervisor will not go further up: what was asked for is reached, or it failed."""
    failure: Failure | None = None
    guest_failures: Mapping[str, Failure] = field(default_factory=dict)
    profile: str = ""
    overrides: tuple[str, ...] = ()
    supervisor_pid: int = 0
    qemu_pid: int = 0
    started: float = 0.0
    """Calendar time of the start."""
    timeline: Mapping[str, float] = field(default_factory=dict)
    """Seconds after the start at which each state was reached."""
    ports: Mapping[str, int] = field(default_factory=dict)
    domids: Mapping[str, int] = field(default_factory=dict)
    controller: bool = False
    """The running Xen has the compression controller."""
    digests: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        document = {name: getattr(self, name) for name in self.__slots__}
        document["schema"] = SCHEMA
        document["state"] = self.state.value
        document["failure"] = self.failure.as_json() if self.failure else None
        document["guest_failures"] = {
            name: failure.as_json() for name, failure in self.guest_failures.items()
        }
        document["overrides"] = list(self.overrides)
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Record:
        values = {name: document[name] for name in cls.__slots__}
        values["state"] = State(values["state"])
        values["overrides"] = tuple(values["overrides"])
        if values["failure"] is not None:
            values["failure"] = Failure.from_json(values["failure"])
        values["guest_failures"] = {
            name: Failure.from_json(failure) for name, failure in values["guest_failures"].items()
        }
        return cls(**values)


class Folder:
    """The folder of one testbed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self.key = path / "key"
        self.consoles = path / "consoles"
        self.events = path / "events.jsonl"
        self.supervisor_log = path / "supervisor.log"

    @classmethod
    def named(cls, name: str | None = None) -> Folder:
        """By name; without one by the environment variable XMC_TESTBED, else ``default``."""
        name = name or os.environ.get(NAME_VARIABLE) or DEFAULT_NAME
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,40}", name):
            raise UsageError(
                f"{name!r} is no name for a testbed", where=f"--name or {NAME_VARIABLE}"
            )
        return cls(state_dir() / name)

    def console_log(self, name: str) -> Path:
        """Log of a console; dom0 speaks on Xen's."""
        return self.consoles / f"{'xen' if name == 'dom0' else name}.log"

    def try_lock(self) -> int | None:
        """Take the lock: its descriptor, or None while a supervisor holds it.

        An open-file-description lock: it goes with the descriptor to the supervisor, and others
        can ask for its holder without taking it for a moment.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _WRITE_LOCK)
        except (BlockingIOError, PermissionError):
            os.close(descriptor)
            return None
        return descriptor

    def running(self) -> bool:
        """Whether a supervisor owns this testbed now."""
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _WRITE_LOCK)
        finally:
            os.close(descriptor)
        return int(struct.unpack(_FLOCK, answer)[0]) != fcntl.F_UNLCK

    def read(self) -> Record:
        """The state file; state off when there is none.

        A file that claims a running testbed without its supervisor is stale: what it says about
        the end (killed, without a word) becomes its failure.
        """
        alive = self.running()  # before reading: a supervisor writes its end, then goes
        try:
            record = Record.from_json(json.loads((self.path / "state.json").read_text("utf-8")))
        except FileNotFoundError:
            return Record(self.name)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MachineError(
                f"the state file cannot be read: {error!r}",
                where=str(self.path / "state.json"),
                hint="harness halt",
            ) from error
        if not alive and (record.state is not State.OFF or not record.done):
            error_ = MachineError(
                "the supervisor was killed, and QEMU with it",
                where=f"testbed {self.name}",
                hint="harness boot",
            )
            failure = record.failure or Failure.of(error_, record.state, 0.0)
            return _replaced(record, state=State.OFF, done=True, failure=failure)
        return record

    def write(self, record: Record) -> None:
        """Write the state file in one step."""
        write_json(self.path / "state.json", record.as_json())

    def read_request(self) -> Request:
        """What was asked for last. Raises UsageError when nothing ever was."""
        try:
            return Request.from_json(json.loads((self.path / "request.json").read_text("utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"testbed {self.name} was never booted here", hint="harness boot"
            ) from error

    def write_request(self, request: Request) -> None:
        write_json(self.path / "request.json", request.as_json())

    def clean(self) -> None:
        """Remove what an earlier boot left; the lock stays, and must be held."""
        for path in self.path.iterdir():
            if path.name != "lock" and not path.is_dir():
                path.unlink()
        self.consoles.mkdir(exist_ok=True)
        for path in self.consoles.iterdir():
            path.unlink()


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Beside and renamed: a reader sees the old or the new, never half."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def _replaced(record: Record, **changes: Any) -> Record:
    return Record(**{name: getattr(record, name) for name in record.__slots__} | changes)
