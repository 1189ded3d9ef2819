# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes of a guest that read heaps over and over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.scenarios.bed import Guest
from harness.scenarios.heaps import Heaps
from harness.scenarios.load import guest_run

GO = "/run/reading.go"


@dataclass(frozen=True)
class Readers:
    """How many read heaps in turn, each its own, with what pause after each heap."""

    at_once: int
    pause_s: float = 0


@contextmanager
def reading(guest: Guest, heaps: Heaps, readers: Readers) -> Iterator[None]:
    """They do, and have ended with the block."""
    guest_run(guest, f"touch {GO}")
    pause = f"sleep {readers.pause_s};" if readers.pause_s else ""
    for lane in range(readers.at_once):
        names = " ".join(one.name for one in heaps.alive[lane :: readers.at_once])
        guest_run(
            guest,
            f"(while :; do for n in {names}; do [ -e {GO} ] || exit;"
            f" memload ctl --socket /tmp/memload.$n digest 1 > /dev/null; {pause} done; done)"
            " > /dev/null 2>&1 < /dev/null &",
        )
    yield
    guest_run(guest, f"rm -f {GO}; sleep 2")
