# SPDX-License-Identifier: GPL-2.0-or-later
"""What every transport can do, and what those over a port of the loopback interface share."""

from __future__ import annotations

import io
import shlex
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar, Protocol

from harness.deadline import Deadline
from harness.errors import GuestError, TransientError
from harness.transport.pump import Pump

COMMAND_S = 60.0
CONNECT_S = 20.0
# After a connection was lost, how long the machine's own account of it is waited for.
SETTLE_S = 2.0


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that ended: its exit status and its exact output."""

    command: str
    status: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Standard output as text, without the newline at its end."""
        return self.stdout.decode("utf-8", "replace").rstrip("\n")

    def check(self, where: str = "") -> Completed:
        """Itself, if the command succeeded. Raises GuestError with what it said otherwise."""
        if self.status != 0:
            said = self.stderr.decode("utf-8", "replace").strip() or self.text.strip()
            raise GuestError(
                f"{self.command!r} ended with status {self.status}: {said[-400:] or 'no output'}",
                where=where,
            )
        return self


class Transport(Protocol):
    """Commands and files, in and out of one machine.

    A command is a line for the machine's shell (str) or an argument vector (sequence), which
    reaches the program exactly as given.

    An exit status is a result; a lost connection, a machine that is gone and a deadline raise.
    """

    @property
    def name(self) -> str:
        """Of the machine: ``dom0`` or the guest's."""
        ...

    @property
    def where(self) -> str:
        """For messages: which machine, by which way."""
        ...

    def wait_up(self, deadline: Deadline) -> None:
        """Connect, trying until the deadline."""
        ...

    def run(
        self,
        command: str | Sequence[str],
        *,
        timeout_s: float = COMMAND_S,
        stdin: bytes = b"",
    ) -> Completed:
        """Run a command to its end."""
        ...

    def succeed(self, command: str | Sequence[str], *, timeout_s: float = COMMAND_S) -> str:
        """Run a command that must succeed; its standard output as text."""
        ...

    def stream(
        self,
        command: str | Sequence[str],
        *,
        stdin: BinaryIO | None,
        stdout: BinaryIO,
        stderr: BinaryIO,
        timeout_s: float | None = None,
    ) -> int:
        """Run a command with its streams connected; its exit status."""
        ...

    def shell(self) -> int:
        """An interactive shell on the caller's terminal; its exit status."""
        ...

    def push(self, source: Path, target: str, *, timeout_s: float = 300) -> None:
        """Copy a file into the machine, with its executable bit."""
        ...

    def pull(self, source: str, target: Path, *, timeout_s: float = 300) -> None:
        """Copy a file out of the machine."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


def command_line(command: str | Sequence[str]) -> str:
    """A line for the machine's shell; an argument vector is quoted so that it arrives exactly."""
    return command if isinstance(command, str) else shlex.join(command)


class LoopbackTransport(ABC):
    """One machine behind a loopback port.

    name:  of the machine, for messages
    port:  of the loopback interface
    alive: raises when the machine is known to be gone or broken; asked before every try
    ran:   told of each command that ended: ``command``, ``status``, ``took_s``
    """

    WAY: ClassVar[str]

    def __init__(
        self,
        name: str,
        port: int,
        *,
        alive: Callable[[], None] = lambda: None,
        ran: Callable[..., None] = lambda **about: None,
        connect_s: float = CONNECT_S,
    ) -> None:
        self._name = name
        self._port = port
        self._alive = alive
        self._ran = ran
        self._connect_s = connect_s

    @property
    def name(self) -> str:
        return self._name

    @property
    def address(self) -> str:
        """Of the forwarded port."""
        return f"127.0.0.1:{self._port}"

    @property
    def where(self) -> str:
        """For messages: which machine, which port."""
        return f"{self.WAY} {self._name}, {self.address}"

    def wait_up(self, deadline: Deadline) -> None:
        """Connect, trying until the deadline. Raises DeadlineExceeded, or what ``alive`` does."""
        last = "nothing"
        while True:
            self._alive()
            deadline.check(f"{self._name} to answer {self.WAY} on {self.address}", last_seen=last)
            try:
                self._connect(deadline)
            except TransientError as error:
                last = error.message
                time.sleep(min(0.2, max(0.0, deadline.remaining_s())))
            else:
                return

    def run(
        self,
        command: str | Sequence[str],
        *,
        timeout_s: float = COMMAND_S,
        stdin: bytes = b"",
    ) -> Completed:
        line = command_line(command)
        stdout, stderr = io.BytesIO(), io.BytesIO()
        status = self.stream(
            line, stdin=io.BytesIO(stdin), stdout=stdout, stderr=stderr, timeout_s=timeout_s
        )
        return Completed(line, status, stdout.getvalue(), stderr.getvalue())

    def succeed(self, command: str | Sequence[str], *, timeout_s: float = COMMAND_S) -> str:
        return self.run(command, timeout_s=timeout_s).check(self.where).text

    def stream(
        self,
        command: str | Sequence[str],
        *,
        stdin: BinaryIO | None,
        stdout: BinaryIO,
        stderr: BinaryIO,
        timeout_s: float | None = None,
    ) -> int:
        line = command_line(command)
        deadline = Deadline(timeout_s if timeout_s is not None else float("inf"))
        began_s = time.monotonic()
        status = self._run(line, deadline, stdin=stdin, stdout=stdout, stderr=stderr)
        self._ran(command=line, status=status, took_s=round(time.monotonic() - began_s, 3))
        return status

    @abstractmethod
    def _connect(self, deadline: Deadline) -> None:
        """One try. Raises TransientError when the machine is not up yet."""

    @abstractmethod
    def _forget(self) -> None:
        """The connection is lost: the next command makes another."""

    @abstractmethod
    def _run(
        self,
        line: str,
        deadline: Deadline,
        *,
        stdin: BinaryIO | None,
        stdout: BinaryIO,
        stderr: BinaryIO,
    ) -> int:
        """Run a line of shell with its streams connected; its exit status."""

    def _drain(self, pumps: Sequence[Pump], line: str, deadline: Deadline) -> None:
        """Until all that a command says has been moved; looks after the machine meanwhile."""
        for pump in pumps:
            while not pump.join(min(1.0, max(0.01, deadline.remaining_s()))):
                deadline.check(f"{line!r} to end on {self._name}")
                self._alive()
        for pump in pumps:
            if pump.error is not None:
                raise pump.error  # for example a closed pipe on our side

    def _lost(self, during: str) -> GuestError:
        self._forget()
        # Why is known a moment later: whoever watches the machine needs time to say so.
        settled = Deadline(SETTLE_S)
        while not settled.expired:
            self._alive()
            time.sleep(0.05)
        return GuestError(
            f"lost the connection to {self._name} while {during}",
            where=self.where,
            hint=f"harness console {self._name}",
        )


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A name to write to, renamed to ``target`` at the end: no half file that looks whole."""
    partial = target.with_name(target.name + ".part")
    try:
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
