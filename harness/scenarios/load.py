# SPDX-License-Identifier: GPL-2.0-or-later
"""memload in a guest: memory with known content, and its check against the host's digests."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.errors import GuestError, ScenarioFailed
from harness.monitor.pressure import DRIVER
from harness.scenarios import content as pagecontent
from harness.scenarios.bed import Guest
from harness.scenarios.content import U8, U64, ContentClass, Corpus

# A TCG guest touches some thousand compressed pages a second; generous, and never a hang.
REQUEST_TIMEOUT_S = 600.0

# Low nibble of a state byte (XEN_MEM_COMPRESS_G_*).
G_RESIDENT, G_COMPRESSING, G_ZERO, G_SAME, G_LZO, G_EXCLUDED, G_DISCARDED = 1, 2, 3, 4, 5, 6, 7


def guest_run(guest: Guest, command: str, *, timeout_s: float = 60.0) -> bytes:
    """Run a command that must succeed; its standard output.

    Raises GuestError with the command's own words when it fails.
    """
    done = guest.shell.run(command, timeout_s=timeout_s)
    if done.status != 0:
        words = done.stderr.decode(errors="replace").strip()
        raise GuestError(
            f"command failed with status {done.status}: {words or 'no message'}",
            where=f"{guest.name}: {command}",
        )
    return done.stdout


@dataclass(slots=True)
class Load:
    """One memload daemon and what its pages hold.

    ``start`` makes it; ``fill`` sets the cycle that ``verify`` then expects.
    """

    guest: Guest
    name: str
    content: ContentClass
    seed: int
    count: int
    corpus: Corpus
    pid: int
    cycle: int | None = None
    _expected: U64 = field(default_factory=lambda: np.empty(0, dtype=np.uint64))

    @classmethod
    def start(
        cls,
        guest: Guest,
        *,
        name: str,
        content: ContentClass,
        seed: int,
        pages: int,
        corpus: Corpus,
        threads: int | None = None,
        prefix: Sequence[str] = (),
    ) -> Load:
        """Start the daemon in the guest; its memory is mapped but not yet filled.

        prefix: words before the command
        """
        socket = cls._socket(name)
        # The mix is for stage-2 faults of every kind; be hard to kill when memory is short.
        words = [*prefix, "memload", "serve", "--socket", socket, "--class", content.value]
        words += ["--seed", str(seed), "--pages", str(pages)]
        words += ["--threads", str(threads or guest.vcpus), "--detach"]
        out = guest_run(guest, shlex.join(words))
        return cls(guest, name, content, seed, pages, corpus, int(out))

    @staticmethod
    def _socket(name: str) -> str:
        return f"/tmp/memload.{name}"

    @property
    def socket(self) -> str:
        """Where the daemon takes requests, in the guest."""
        return self._socket(self.name)

    def ctl(self, *request: object, timeout_s: float = REQUEST_TIMEOUT_S) -> bytes:
        """One request to the daemon; the answer's bytes."""
        words = ["memload", "ctl", "--socket", self.socket, *map(str, request)]
        return guest_run(self.guest, shlex.join(words), timeout_s=timeout_s)

    def fill(self, cycle: int) -> None:
        """Write the content of ``cycle`` to every page."""
        self.ctl("fill", cycle)
        self.refilled(cycle)

    def refill(self, cycle: int, order_seed: int, start: int, end: int) -> None:
        """Write the content of ``cycle`` to pages start..end-1 of a shuffled order."""
        self.ctl("refill", cycle, order_seed, start, end)

    def refilled(self, cycle: int) -> None:
        """Say that all pages have the content of ``cycle`` now."""
        self.cycle = cycle
        self._expected = pagecontent.expected_digests(
            self.content, self.seed, cycle, self.count, self.corpus
        )

    def digests(self, order_seed: int | None = None) -> U64:
        """Read every page, in order or shuffled; digests by page index."""
        request = ("digest", 0, "seq") if order_seed is None else ("digest", order_seed)
        return np.frombuffer(self.ctl(*request), dtype=np.uint64)

    def verify(self, order_seed: int | None = None) -> int:
        """Read every page and compare with what the host knows; the number of pages.

        Raises ScenarioFailed that names the first pages which differ.
        """
        self._compare(self.digests(order_seed), self._expected, "content")
        return self.count

    def verify_exec(self, order_seed: int) -> int:
        """Call every function of the code-exec pages and compare; the number of pages."""
        assert self.cycle is not None, "fill before verify_exec"
        found = np.frombuffer(self.ctl("exec", order_seed), dtype=np.uint64)
        expected = pagecontent.expected_exec_digests(
            self.content, self.seed, self.cycle, self.count
        )
        self._compare(found, expected, "values of functions")
        return int(np.count_nonzero(expected))

    def _compare(self, found: U64, expected: U64, what: str) -> None:
        where = f"{self.guest.name}, memload {self.name}, cycle {self.cycle}"
        if found.size != expected.size:
            raise ScenarioFailed(
                f"{found.size} digests instead of {expected.size}: fill before verify", where=where
            )
        bad = np.flatnonzero(found != expected)
        if bad.size == 0:
            return
        numbers = pagecontent.class_numbers(self.content, bad.astype(np.uint64))
        pfns = self.pfns()
        lines = [
            f"page {i} gfn {int(pfns[i]):#x} class {pagecontent.CLASSES[n]}:"
            f" {int(found[i]):016x} instead of {int(expected[i]):016x}"
            for i, n in zip(bad[:20].tolist(), numbers[:20].tolist(), strict=True)
        ]
        raise ScenarioFailed(
            f"{what} of {bad.size} of {self.count} pages differ from what the host expects",
            where=where,
            context=lines,
        )

    def expected_pages(self, indices: NDArray[np.intp]) -> U8:
        """The bytes that these pages must hold."""
        assert self.cycle is not None, "fill before expected_pages"
        return pagecontent.pages(
            self.content, self.seed, self.cycle, indices.astype(np.uint64), self.corpus
        )

    def pfns(self) -> U64:
        """Guest frame of each page; 0 where none is present."""
        return np.frombuffer(self.ctl("pfns"), dtype=np.uint64)

    def states(self) -> U8:
        """Controller's state (low nibble) of each page."""
        return states_of(self.guest, self.pfns())

    def classes(self) -> U8:
        """Content class of each page as its number in ``CLASSES``."""
        indices = np.arange(self.count, dtype=np.uint64)
        return pagecontent.class_numbers(self.content, indices)

    def times(self, order_seed: int) -> NDArray[np.uint32]:
        """Counter ticks that a read of each page took, in shuffled order."""
        return np.frombuffer(self.ctl("time", order_seed), dtype=np.uint32)

    def compress(self) -> None:
        """Request compression of this process through the guest's driver."""
        driver_request(self.guest, "compress", str(self.pid))

    def restore(self) -> None:
        """Ask for bulk restore of this process through the guest's driver."""
        driver_request(self.guest, "restore", str(self.pid))

    def stop(self) -> None:
        """End the daemon and give its memory back to the guest."""
        self.ctl("exit")


def states_of(guest: Guest, pfns: U64) -> U8:
    """Controller's state (low nibble) of each of these gfns."""
    states = np.frombuffer(guest.controller.states(), dtype=np.uint8) & np.uint8(0xF)
    inside = pfns < states.size
    result = np.zeros(pfns.shape, dtype=np.uint8)
    result[inside] = states[pfns[inside].astype(np.intp)]
    return result


def is_compressed(states: U8) -> NDArray[np.bool_]:
    """Which of these states are pages without a frame of their own."""
    return np.isin(states, (G_ZERO, G_SAME, G_LZO))


def outlast_back_off(guest: Guest) -> None:
    """Age everything until pages that did not compress, and were written since, are tried again.

    The controller leaves such a page alone for 4 or 15 sweeps without a further access: a gfn
    that held random content stays out for so long.
    """
    for _ in range(15):
        guest.controller.sweep()


def driver_request(guest: Guest, verb: str, who: str) -> None:
    """Have the guest's driver ask: verb compress or restore, who a pid or all."""
    driver_write(guest, verb, who)


def driver_write(guest: Guest, name: str, text: str) -> None:
    """Write to a file of the guest's driver."""
    guest_run(guest, f"echo {shlex.quote(text)} > {DRIVER}/{name}", timeout_s=REQUEST_TIMEOUT_S)


def driver_file(guest: Guest, name: str) -> str:
    """What a file of the guest's driver holds."""
    return guest_run(guest, f"cat {DRIVER}/{name}").decode()


def free_pages(guest: Guest) -> int:
    """On the free lists of the guest's kernel."""
    return int(guest_run(guest, "grep ^MemFree: /proc/meminfo").split()[1]) // 4


def driver_counters(guest: Guest) -> dict[str, int]:
    """The driver's counters by name."""
    names = ("requests", "scanned", "compressed", "restored", "errors")
    out = guest_run(guest, f"cd {DRIVER} && cat {' '.join(names)}").split()
    return dict(zip(names, map(int, out), strict=True))


def process_pfns(guest: Guest, pid: int) -> U64:
    """Guest frames of every present page of a process, mappings shared with others included."""
    out = guest_run(guest, f"memload pagemap {pid}", timeout_s=REQUEST_TIMEOUT_S)
    return np.frombuffer(out, dtype=np.uint64)
