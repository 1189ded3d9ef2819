# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks at all of a running testbed: Xen, dom0, every guest's kernel, QEMU.

It has connections of its own, so that it can look while a step is at work.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from harness.errors import HarnessError, HypervisorError
from harness.hypervisor.memcompress import TOOL, Stats, parse_histogram
from harness.hypervisor.xl import parse_list
from harness.monitor.pressure import COMMAND as PRESSURE
from harness.monitor.pressure import parse_pressure
from harness.report.books import PAGE_KIB
from harness.report.histogram import Histogram
from harness.report.sight import Sight
from harness.testbed import Testbed, attach

POPULATED = "cat /sys/devices/system/xen_memory/xen_memory0/info/current_kb"
MARK = "----"
KERNEL = f"{POPULATED}; grep -E '^(MemTotal|MemFree|MemAvailable|Swap(Total|Free)):' /proc/meminfo"
KERNEL += f"; echo {MARK}; {PRESSURE}"
DOM0 = (
    f"{TOOL} list --json; echo {MARK}; {POPULATED}; echo {MARK}; {TOOL} show 0 --json; echo {MARK}"
)
# A guest that waits for memory may answer late, or not at all: that is no failure of the sample.
GUEST_S = 20.0


class LiveObserver:
    """Looks at one testbed."""

    def __init__(self, testbed: Testbed) -> None:
        self._testbed = testbed
        self._board_kib: int | None = None
        self.pressure: Mapping[str, Mapping[str, int]] = {}
        self.stats: Mapping[str, Stats] = {}
        """The controller's numbers by domain, as of the last look."""

    def look(self) -> Sight:
        """Xen's and dom0's view, by one command. Raises what ssh raises, and HypervisorError."""
        said = self._testbed.dom0.run(f"{DOM0}; xl list", timeout_s=60).stdout.decode()
        try:
            listed, populated, host, domains = said.split(f"{MARK}\n")
            known = {d["name"]: Stats.parse(d) for d in json.loads(listed)}
            xen = Stats.parse(json.loads(host))
            self.stats = known
            others = {
                domain.name: domain.memory_mib * 1024 // PAGE_KIB
                for domain in parse_list(domains)
                if domain.name not in known and domain.name != "Domain-0"
            }
            # Of the last one read: domains come and go, and so do their pages.
            last = list(known.values())[-1] if known else xen
            return Sight(
                total=last.host_total,
                free=last.host_free,
                reserve=last.reserve,
                dom0=int(populated) // PAGE_KIB,
                domains=known,
                others=others,
            )
        except (ValueError, KeyError) as error:
            raise HypervisorError(
                f"dom0's view: {error!r}", where="dom0", context=[said]
            ) from error

    def kernels(self) -> dict[str, dict[str, int]]:
        """What each guest's kernel says, in KiB; a guest that does not answer is left out."""
        found, pressure = {}, {}
        for name, guest in self._testbed.guests.items():
            try:
                said = guest.transport.run(KERNEL, timeout_s=GUEST_S).stdout.decode()
                kernel, _, waiting = said.partition(f"{MARK}\n")
                found[name] = parse_kernel(kernel)
                # Not of a kernel without pressure stall information.
                pressure[name] = parse_pressure(waiting, where=name).document()
            except (HarnessError, ValueError, KeyError):
                continue
        self.pressure = pressure
        return found

    def histograms(self) -> dict[str, dict[str, Histogram]]:
        """The controller's, by domain (those of the last look) and name."""
        names = list(self.stats)
        calls = "; ".join(f"{TOOL} histogram {name} --json; echo {MARK}" for name in names)
        said = self._testbed.dom0.run(calls, timeout_s=60).stdout.decode() if names else ""
        found: dict[str, dict[str, Histogram]] = {}
        for name, text in zip(names, said.split(f"{MARK}\n"), strict=False):
            try:
                document = json.loads(text)
            except ValueError:
                continue  # the domain is gone by now
            found[name] = {key: parse_histogram(one, key) for key, one in document.items()}
        return found

    def emulator(self) -> tuple[int | None, int | None]:
        """Size of the board, and QEMU's resident memory, in KiB."""
        if self._board_kib is None:
            with self._testbed.qmp() as qmp:
                summary = qmp.execute("query-memory-size-summary")
            self._board_kib = int(summary["base-memory"]) >> 10
        return self._board_kib, _resident_kib(self._testbed.record.qemu_pid)


@contextmanager
def observing(name: str) -> Iterator[LiveObserver]:
    """An observer of the testbed of that name."""
    with attach(name) as testbed:
        yield LiveObserver(testbed)


def parse_kernel(text: str) -> dict[str, int]:
    """``current_kb`` and lines of /proc/meminfo, in KiB."""
    first, _, rest = text.partition("\n")
    lines: Mapping[str, int] = {
        line.split(":")[0]: int(line.split()[1]) for line in rest.splitlines()
    }
    return {
        "populated": int(first),
        "total": lines["MemTotal"],
        "free": lines["MemFree"],
        "available": lines["MemAvailable"],
        "swapped": lines["SwapTotal"] - lines["SwapFree"],
    }


def _resident_kib(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("VmRSS")), None)
    except OSError:
        return None
