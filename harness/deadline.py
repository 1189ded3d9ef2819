# SPDX-License-Identifier: GPL-2.0-or-later
"""One deadline, made at the top and handed down, instead of nested timeouts."""

from __future__ import annotations

import time

from harness.errors import MachineError


class DeadlineExceeded(MachineError):
    """Something did not happen in time."""


class Deadline:
    """A point in time, ``timeout_s`` seconds from now; may be infinite."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._end = time.monotonic() + timeout_s

    def remaining_s(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._end - time.monotonic())

    @property
    def expired(self) -> bool:
        """No time is left."""
        return time.monotonic() >= self._end

    def check(self, what: str, last_seen: str = "") -> None:
        """Raise DeadlineExceeded, which says what was waited for, if no time is left."""
        if self.expired:
            raise DeadlineExceeded(
                f"waited {self.timeout_s:.1f} s for {what}; last seen: {last_seen or 'nothing'}"
            )
