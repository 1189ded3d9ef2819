# SPDX-License-Identifier: GPL-2.0-or-later
"""What every transport can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from harness.deadline import Deadline
from harness.errors import GuestError

COMMAND_S = 60.0


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
