# SPDX-License-Identifier: GPL-2.0-or-later
"""How a guest fares for memory: who waits, what its driver asked for and gained, who was killed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from harness.errors import GuestError
from harness.scenarios import schema
from harness.scenarios.bed import Guest
from harness.scenarios.context import Context
from harness.scenarios.load import DRIVER, guest_run

# Files of the driver, and what they are called here; sysfs-kernel-xen_memcompress describes them.
FILES = {
    "requests": "requests",
    "compressed": "compressed",
    "restored": "restored",
    "reported": "reported",
    "now_compressed": "compressed_now",
    "now_store_pages": "store",
    "now_held": "held",
    "now_stall_us": "stall_us",
    "slice": "slice",
    "grown": "grown",
    "grown_total": "grown_total",
    "given_back": "given_back",
    "oom_averted": "oom_averted",
    "oom_left": "oom_left",
}
LMKD_LOGS = "/data/log/lmkd*"
UNITS = dict.fromkeys(("gained", "compressed_now", "store", "held", "slice", "grown"), "pages")


@dataclass(frozen=True, slots=True)
class Pressure:
    """One guest at one time. Pages, microseconds and events since it, or its driver, began."""

    some_us: int
    """In which at least one task waited for memory; ``full_us``: all of them."""
    full_us: int
    kills: int
    """By the kernel; ``lmkd_kills``: by Android's low-memory killer."""
    lmkd_kills: int = 0
    requests: int = 0
    compressed: int = 0
    restored: int = 0
    reported: int = 0
    compressed_now: int = 0
    """Pages without a frame of their own; ``store``: frames that hold what is in them."""
    store: int = 0
    held: int = 0
    """Frames of the host that the guest costs; ``slice``: that it may cost."""
    stall_us: int = 0
    slice: int = 0
    grown: int = 0
    grown_total: int = 0
    given_back: int = 0
    oom_averted: int = 0
    oom_left: int = 0

    @property
    def gained(self) -> int:
        """Frames that compression leaves free, the store's taken off."""
        return self.compressed_now - self.store

    def document(self) -> dict[str, int]:
        """All of it by name."""
        return asdict(self) | {"gained": self.gained}


def read_pressure(guest: Guest) -> Pressure:
    """Ask the guest. What its driver says is 0 where it is not loaded, or cannot grow."""
    command = "cat /proc/pressure/memory; grep ^oom_kill /proc/vmstat;"
    command += f' echo lmkd_kill $(cat {LMKD_LOGS} 2> /dev/null | grep -c "Kill \'");'
    command += f" cd {DRIVER} 2> /dev/null && grep -H -s . {' '.join(FILES)}; true"
    return parse_pressure(guest_run(guest, command).decode(), where=guest.name)


def parse_pressure(text: str, *, where: str) -> Pressure:
    """From the kernel's lines and ``FILE:NUMBER``. Raises GuestError when it is not that."""
    found: dict[str, int] = {}
    try:
        for line in text.splitlines():
            if line.startswith(("some ", "full ")):
                found[f"{line[:4]}_us"] = int(line.rpartition("total=")[2])
            elif line.startswith(("oom_kill ", "lmkd_kill ")):
                who, _, count = line.partition(" ")
                found["kills" if who == "oom_kill" else "lmkd_kills"] = int(count)
            else:
                name, _, value = line.partition(":")
                found[FILES[name]] = int(value)
        return Pressure(**found)
    except (KeyError, TypeError, ValueError) as error:
        raise GuestError(f"not what was asked for: {error!r}", where=where) from error


def watch(guest: Guest, *, every_s: float, count: int | None) -> Iterator[tuple[float, Pressure]]:
    """Samples with the seconds since the first; without a count for ever."""
    began = time.monotonic()
    taken = 0
    while count is None or taken < count:
        if taken:
            time.sleep(max(0.0, began + taken * every_s - time.monotonic()))
        yield time.monotonic() - began, read_pressure(guest)
        taken += 1


def record_pressure(ctx: Context, step: schema.Pressure) -> None:
    """Every guest's numbers, ``samples`` times, as metrics."""
    for taken in range(step.samples):
        if taken:
            time.sleep(step.every_s)
        for guest in ctx.guests:
            labels = {"guest": guest.name, "profile": ctx.profile}
            for name, value in read_pressure(guest).document().items():
                unit = UNITS.get(name, "us" if name.endswith("_us") else "events")
                ctx.folder.metric(f"pressure_{name}", value, unit, **labels)
