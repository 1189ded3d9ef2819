# SPDX-License-Identifier: GPL-2.0-or-later
"""What can go wrong, and the exit code of each.

HarnessError         1  our own bug, or something nobody has classified
├── UsageError       2  the command line, a profile or a scenario is wrong
├── SetupError       3  this machine or its network lacks something
├── TransientError   4  may go well next time; the only kind that is ever tried again
├── MachineError     5  QEMU or the board misbehaved, or a deadline passed
├── HypervisorError  6  Xen or dom0's toolstack misbehaved
├── GuestError       7  a guest misbehaved, or a command in it failed
└── ScenarioFailed   8  everything worked, and what was claimed is not so
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class HarnessError(Exception):
    """One message: what failed, where, and the next step.

    message: what failed, a sentence without a full stop
    where:   state, machine, file and key
    hint:    what to do next
    context: lines of a log around it
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        where: str = "",
        hint: str = "",
        context: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint
        self.context = tuple(context)

    def __str__(self) -> str:
        text = self.message
        if self.where:
            text += f" ({self.where})"
        if self.hint:
            text += f"; next: {self.hint}"
        return text


class UsageError(HarnessError):
    """The command line, a profile or a scenario is wrong."""

    exit_code = 2


class SetupError(HarnessError):
    """This machine or its network lacks something."""

    exit_code = 3


class TransientError(HarnessError):
    """May go well next time."""

    exit_code = 4


class MachineError(HarnessError):
    """QEMU or the board misbehaved, or a deadline passed."""

    exit_code = 5


class HypervisorError(HarnessError):
    """Xen or dom0's toolstack misbehaved."""

    exit_code = 6


class GuestError(HarnessError):
    """A guest misbehaved, or a command in it failed."""

    exit_code = 7


class ScenarioFailed(HarnessError):
    """Everything worked, and what was claimed is not so."""

    exit_code = 8
