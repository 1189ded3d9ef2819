# SPDX-License-Identifier: GPL-2.0-or-later
"""An interpreter's heap: small tables and strings, changed and read at random, by Lua.

``images/programs/overlay/workloads/heap.lua`` does it in the guest; ``Heap`` knows what must come
of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.report.run import Scalar
from harness.scenarios.bed import Guest
from harness.scenarios.workloads.base import Result, Setup, stopped_on_error
from harness.scenarios.workloads.programs import Conversation, needs_disk, same

SCRIPT = "/workloads/heap.lua"
# With its tables, its string and its place in two lists.
OBJECT_BYTES = 520
ROUNDS = 100_000

_MASK = 0x7FFFFFFF
_WIDE = 0x7FFFFFFFFFFF


def random(seed: int, n: int) -> int:
    """The n-th number of a seed, 31 bits."""
    x = (seed * 1103515245 + n * 12345 + 2531011) & _WIDE
    x = (x ^ (x >> 17)) * 0x5BD1E995 & _WIDE
    return (x ^ (x >> 15)) & _MASK


def value(key: int) -> int:
    """What the guest computes from all fields of the object of that key."""
    total = 2 * key + len(f"object {key} of {key * 7919 & _MASK:x}")
    for byte in (key & 0xFF, key >> 8 & 0xFF, key >> 16 & 0xFF):
        total = total * 31 + byte
    return total & _MASK


@dataclass(slots=True)
class Heap:
    """The same heap as keys: every other field follows from its object's key."""

    keys: list[int] = field(default_factory=list)
    links: list[int] = field(default_factory=list)

    def fill(self, seed: int, objects: int) -> int:
        self.keys = [random(seed, i) for i in range(1, objects + 1)]
        self.links = [self.keys[random(seed + 1, i) % objects] for i in range(1, objects + 1)]
        return objects

    def work(self, seed: int, rounds: int) -> int:
        total = 0
        for n in range(1, rounds + 1):
            x = random(seed, n)
            i = x % len(self.keys)
            if x >> 8 & 3 == 0:
                self.keys[i] = x
            else:
                total = (total * 33 + value(self.keys[i])) & _MASK
        return total

    def sum(self) -> int:
        total = 0
        for key in (*self.keys, *self.links):
            total = (total * 33 + value(key)) & _MASK
        return total


class Lua:
    """Debian's Lua 5.4."""

    name = "lua"

    def settings(self, guest: str) -> Mapping[str, Scalar]:
        return needs_disk(guest)

    def start(self, guest: Guest, setup: Setup, *, prefix: Sequence[str] = ()) -> RunningLua:
        lua = Conversation.start(guest, self.name, ["/usr/bin/lua5.4", SCRIPT], prefix=prefix)
        objects = setup.mib * (1 << 20) // OBJECT_BYTES
        running = RunningLua(lua, setup.seed, max(1, int(ROUNDS * setup.work)))
        with stopped_on_error(running):
            running.fill(objects)
        return running


@dataclass(slots=True)
class RunningLua:
    """An interpreter with its heap."""

    lua: Conversation
    seed: int
    rounds: int
    heap: Heap = field(default_factory=Heap)

    @property
    def name(self) -> str:
        return self.lua.name

    def fill(self, objects: int) -> None:
        """Make the heap."""
        said = self.lua.ask(f"fill {self.seed} {objects}").text
        self._same(said, self.heap.fill(self.seed, objects), "objects")

    def work(self) -> Result:
        answer = self.lua.ask(f"work {self.seed} {self.rounds}")
        self._same(answer.text, self.heap.work(self.seed, self.rounds), "values that were read")
        return Result(self.rounds, "objects", answer.ticks, answer.ticks_hz)

    def verify(self) -> int:
        self._same(self.lua.ask("sum").text, self.heap.sum(), "sum over all objects")
        return len(self.heap.keys) + len(self.heap.links)

    def stop(self) -> None:
        self.lua.stop()

    def _same(self, found: str, expected: int, what: str) -> None:
        same(found, str(expected), what=f"lua, {what}", guest=self.lua.guest)
