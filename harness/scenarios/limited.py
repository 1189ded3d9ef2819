# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest whose commands have so much time, all together: work that never ends is no hang."""

from __future__ import annotations

from collections.abc import Callable

from harness.deadline import Deadline, DeadlineExceeded
from harness.scenarios.bed import Completed, Guest, Shell


class Limited:
    """The same guest, until ``timeout_s`` seconds are over.

    The command that runs then raises DeadlineExceeded, after ``relieve`` was called to bring the
    guest back to life. What comes later only cleans up, and has its own time as without a limit.
    """

    def __init__(self, guest: Guest, timeout_s: float, *, relieve: Callable[[], None]) -> None:
        self.name = guest.name
        self.vcpus = guest.vcpus
        self.memory_mib = guest.memory_mib
        self.compression = guest.compression
        self.controller = guest.controller
        self.set_slice = guest.set_slice
        self._shell = _LimitedShell(guest.shell, timeout_s, relieve)

    @property
    def shell(self) -> Shell:
        return self._shell

    @property
    def expired(self) -> bool:
        """A command was ended for it."""
        return self._shell.expired


class _LimitedShell:
    def __init__(self, shell: Shell, timeout_s: float, relieve: Callable[[], None]) -> None:
        self._shell = shell
        self._deadline = Deadline(timeout_s)
        self._relieve = relieve
        self.expired = False

    def run(self, command: str, *, timeout_s: float) -> Completed:
        if self.expired:
            return self._shell.run(command, timeout_s=timeout_s)
        try:
            self._deadline.check("a command to begin")
            left = self._deadline.remaining_s()
            return self._shell.run(command, timeout_s=min(timeout_s, left))
        except DeadlineExceeded:
            # Or it was the command's own time that was up: that is a failure.
            if self._deadline.expired:
                self.expired = True
                self._relieve()
            raise
