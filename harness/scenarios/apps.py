# SPDX-License-Identifier: GPL-2.0-or-later
"""The Android guest's applications, as its own commands tell of them (images/android/README.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from harness.errors import GuestError
from harness.scenarios.bed import Completed

COMMAND_S = 300.0
_KILL = re.compile(r"Kill '.*' \((?P<pid>\d+)\), uid \d+, oom_adj (?P<adj>-?\d+) ")
_STARTED = re.compile(r"(?P<how>cold|warm) \S+ pid=(?P<pid>\d+) total_ms=(?P<ms>\d+) ")
_COUNTS = re.compile(r"cold (\d+) warm (\d+) gone (\d+)")


class Shell(Protocol):
    """Runs commands in the guest."""

    def run(self, command: str, *, timeout_s: float) -> Completed: ...


@dataclass(frozen=True, slots=True)
class Process:
    """An application that runs; adj: its oom_score_adj."""

    pid: int
    adj: int
    name: str


@dataclass(frozen=True, slots=True)
class Started:
    """An application that was brought to the front; ms: until it said that it is there."""

    name: str
    cold: bool
    pid: int
    ms: int


@dataclass(frozen=True, slots=True)
class Kill:
    """One of lmkd's."""

    pid: int
    adj: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Since the zygote began; gone: ended unasked, which is lmkd's work or a crash."""

    cold: int
    warm: int
    gone: int


@dataclass(frozen=True, slots=True)
class Memory:
    """smaps of a process, KiB."""

    name: str
    adj: int
    rss_kib: int
    pss_kib: int
    dirty_kib: int


class Device:
    """am, pm, dumpsys and logcat of one guest.

    A command that fails raises GuestError with what it said: a heap that is not as its seed says,
    an application that died while it was asked.
    """

    def __init__(self, name: str, shell: Shell) -> None:
        self._name = name
        self._shell = shell

    def packages(self) -> list[str]:
        """Names of what is installed."""
        return [line.removeprefix("package:") for line in self._lines("pm list packages")]

    def start(self, package: str) -> Started:
        """Bring an application to the front, from nothing if it does not run."""
        (line,) = self._lines(f"am start {package}")
        found = _STARTED.match(line)
        if found is None:
            raise self._strange(f"am start {package}", line)
        return Started(package, found["how"] == "cold", int(found["pid"]), int(found["ms"]))

    def stop(self, package: str = "all") -> None:
        """End an application, or all."""
        self._lines(f"am stop {package}")

    def verify(self) -> list[str]:
        """Have every application verify its whole heap; the names of those that did."""
        return [line.split()[0] for line in self._lines("am verify")]

    def front(self, order: str) -> str:
        """``burst KIB`` or ``churn SECONDS``, for the application in front; what it answered."""
        (line,) = self._lines(f"am {order}")
        return line

    def stack(self) -> list[Process]:
        """What runs, last used first."""
        rows = [line.split("\t") for line in self._lines("am stack list")[1:]]
        return [Process(int(pid), int(adj), name) for pid, adj, name in rows]

    def counts(self) -> Counts:
        """How often applications were started, and lost."""
        last = self._lines("dumpsys activity")[-1]
        found = _COUNTS.fullmatch(last)
        if found is None:
            raise self._strange("dumpsys activity", last)
        return Counts(*map(int, found.groups()))

    def meminfo(self) -> list[Memory]:
        """Every application's memory, and the zygote's."""
        rows = [line.split("\t") for line in self._lines("dumpsys meminfo")[1:]]
        return [Memory(row[5], int(row[1]), *map(int, row[2:5])) for row in rows]

    def kills(self) -> list[Kill]:
        """What lmkd says that it has killed, in order."""
        found = (_KILL.search(line) for line in self._lines("logcat -s lmkd"))
        return [Kill(int(kill["pid"]), int(kill["adj"])) for kill in found if kill]

    def _lines(self, command: str) -> list[str]:
        done = self._shell.run(command, timeout_s=COMMAND_S)
        said = done.stdout.decode("utf-8", "replace").splitlines()
        if done.status:
            words = [*said, *done.stderr.decode("utf-8", "replace").splitlines()]
            wrong = [line for line in words if line.startswith("error:")] or words or ["nothing"]
            raise GuestError(f"{command}: {wrong[0]}", where=self._name, context=words[-20:])
        return said

    def _strange(self, command: str, line: str) -> GuestError:
        return GuestError(f"{command} said something else than usual: {line}", where=self._name)
