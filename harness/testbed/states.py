# SPDX-License-Identifier: GPL-2.0-or-later
"""The states of a testbed, and the failure that ended it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from harness import errors
from harness.errors import HarnessError


class State(enum.StrEnum):
    """How far up a testbed is; each includes what comes before it."""

    OFF = "off"
    XEN = "xen"  # Xen is up and loads dom0
    DOM0 = "dom0"  # dom0 answers ssh, its toolstack works
    GUESTS = "guests"  # every guest domain runs
    READY = "ready"  # every guest answers ssh

    @property
    def rank(self) -> int:
        """0 for off, and up."""
        return list(State).index(self)


@dataclass(frozen=True, slots=True)
class Failure:
    """The first thing that went wrong; what is asked later is answered with it."""

    kind: str
    message: str
    where: str
    hint: str
    context: tuple[str, ...]
    reached: State
    """The last state that was reached."""
    at_s: float
    """Seconds after the start."""

    @classmethod
    def of(cls, error: BaseException, reached: State, at_s: float) -> Failure:
        """Keep an error."""
        if isinstance(error, HarnessError):
            context = tuple(error.context)
            return cls(
                type(error).__name__,
                error.message,
                error.where,
                error.hint,
                context,
                reached,
                round(at_s, 3),
            )
        # Our own bug: the trace is in supervisor.log.
        text = f"internal error: {type(error).__name__}: {error}"
        return cls("HarnessError", text, "supervisor", "see supervisor.log", (), reached, at_s)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Failure:
        """Back from the state file."""
        values = dict(document)
        values["context"] = tuple(values["context"])
        values["reached"] = State(values["reached"])
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        """For the state file and ``status --json``."""
        return asdict(self) | {"context": list(self.context), "reached": self.reached.value}

    def error(self) -> HarnessError:
        """The error as it was raised, with its type and so its exit code."""
        kind = getattr(errors, self.kind, HarnessError)
        if not (isinstance(kind, type) and issubclass(kind, HarnessError)):
            kind = HarnessError
        where = f"{self.where}; " if self.where else ""
        where += f"testbed had reached state {self.reached}, {self.at_s:.1f} s after its start"
        return kind(self.message, where=where, hint=self.hint, context=self.context)
