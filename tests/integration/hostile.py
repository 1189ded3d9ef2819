# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest with xmc_hostile.ko in it, what that reports, and a neighbour.

See guest-drivers/hostile/README.md.
"""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from harness.build.artifacts import Graph, existing
from harness.build.driver import HOSTILE, build_hostile
from harness.hypervisor.memcompress import TOOL
from harness.report.books import imbalance_pages
from harness.scenarios.content import ContentClass
from harness.scenarios.live import LiveGuest
from harness.testbed import Guest, Testbed
from harness.transport.base import Transport
from tests.integration.compression import Loads

FOLDER = "/sys/kernel/xmc_hostile"
# The guest is slow while it is attacked from inside.
GRACE_S = 120.0


@dataclass(frozen=True, slots=True)
class Report:
    """What the attackers saw so far.

    seen:      how often, by operation and errno (0: good)
    found:     failures of Xen, by kind
    late_us:   how late a timer of an attacking vCPU was at worst
    continued: looks at a bulk restore that had made way, and was to go on in its middle
    """

    seen: Mapping[tuple[str, int], int]
    found: Mapping[str, int]
    calls: int
    late_us: int
    continued: int

    @classmethod
    def parse(cls, text: str) -> Report:
        """From /sys/kernel/xmc_hostile/report."""
        seen: dict[tuple[str, int], int] = {}
        found: dict[str, int] = {}
        single: dict[str, int] = {}
        for words in map(str.split, text.splitlines()):
            if words[0] == "op":
                seen[words[1], int(words[2])] = int(words[3])
            elif words[0] == "found":
                found[words[1]] = int(words[2])
            else:
                single[words[0]] = int(words[1])
        return cls(seen, found, single["calls"], single["late_us"], single["continued"])

    def outcomes(self) -> dict[str, set[str]]:
        """Names of the errors by operation; "0" for none."""
        result: dict[str, set[str]] = {}
        for operation, number in self.seen:
            name = errno.errorcode.get(number, "?").replace("ENOTSUP", "EOPNOTSUPP")
            result.setdefault(operation, set()).add(name if number else "0")
        return result


class Hostile:
    """A Linux guest with the module in it."""

    def __init__(self, guest: Guest) -> None:
        self._transport: Transport = guest.transport
        module = build_hostile(Graph().kernel).path / HOSTILE
        self._transport.push(module, f"/tmp/{HOSTILE}")
        self._transport.succeed(f"insmod /tmp/{HOSTILE}")

    def attack(self, seconds: int, seed: int, attacks: Sequence[str] = ()) -> None:
        """Attack for so long, in all ways or in these."""
        words = " ".join([str(seconds), str(seed), *attacks])
        self._transport.succeed(f"echo '{words}' > {FOLDER}/run", timeout_s=seconds + GRACE_S)

    def report(self) -> Report:
        """What was seen since the module was loaded."""
        return Report.parse(self._transport.succeed(f"cat {FOLDER}/report"))

    def findings(self) -> str:
        """The module's own words about what it found."""
        return self._transport.succeed("dmesg | grep 'xmc_hostile: ' || true")

    def leave(self) -> None:
        """Remove the module."""
        self._transport.succeed("rmmod xmc_hostile")


@contextmanager
def settings(dom0: Transport, domid: int, **keys: int) -> Iterator[None]:
    """Change these settings of the controller for a domain, and back to what the tests assume."""
    usual = {"sweep_ms": 0, "max_compressed": 0, "max_store_pages": 0, "guest_ops": 1, "crc": 1}

    def change(to: Mapping[str, int]) -> None:
        dom0.succeed(" ".join([TOOL, "set", str(domid), *(f"{k}={v}" for k, v in to.items())]))

    change(usual | keys)
    try:
        yield
    finally:
        change(usual)


class Neighbour:
    """A guest that compresses and verifies a load, over and over, until told to stop."""

    def __init__(self, testbed: Testbed) -> None:
        self._guest = LiveGuest(testbed.guests["neighbour"])
        self._loads = Loads(self._guest, existing().corpus.path)
        self._load = self._loads.start(ContentClass.MIX, 2048)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._failure: BaseException | None = None
        self.verified = 0

    def __enter__(self) -> Neighbour:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self._failure is None:
            self._loads.stop_all()

    def _work(self) -> None:
        try:
            while not self._over.is_set():
                self._load.compress()
                self.verified += self._load.verify(self.verified)
        except BaseException as failure:
            self._failure = failure

    def rate(self, meanwhile: Callable[[], object]) -> float:
        """Pages a second that it verifies while this is done."""
        before, begun = self.verified, time.monotonic()
        meanwhile()
        return (self.verified - before) / (time.monotonic() - begun)

    def check(self) -> None:
        """Its content is what it should be, it still works, and nobody took its frames."""
        if self._failure is not None:
            raise self._failure
        assert self.verified >= 2048
        stats = self._guest.controller.stats()
        assert imbalance_pages(stats) == 0
        assert stats.corrupted == 0
