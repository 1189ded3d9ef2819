# SPDX-License-Identifier: GPL-2.0-or-later
"""How a guest fares for memory: who waits, what its driver asked for and gained, who was killed."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from harness.errors import GuestError

DRIVER = "/sys/kernel/xen_memcompress"
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
# What the driver says is 0 where it is not loaded, or cannot grow.
COMMAND = (
    "cat /proc/pressure/memory; grep ^oom_kill /proc/vmstat;"
    f' echo lmkd_kill $(cat {LMKD_LOGS} 2> /dev/null | grep -c "Kill \'");'
    f" cd {DRIVER} 2> /dev/null && grep -H -s . {' '.join(FILES)}; true"
)
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


def unit_of(name: str) -> str:
    """Of a field of ``Pressure.document()``."""
    return UNITS.get(name, "us" if name.endswith("_us") else "events")


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
