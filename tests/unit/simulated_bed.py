# SPDX-License-Identifier: GPL-2.0-or-later
"""A testbed of a few lines: memload, driver and controller, well-behaved unless told otherwise."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lz4.block
import lzo
import numpy as np

from harness.config.model import Compress
from harness.hypervisor import StoredObject
from harness.monitor.pressure import Pressure
from harness.report.histogram import Histogram
from harness.report.sight import Sight
from harness.scenarios import content
from harness.scenarios.content import ContentClass, Corpus

FIRST_GFN = 0x100
G_RESIDENT, G_ZERO, G_SAME, G_LZO = 1, 3, 4, 5
STATE = {ContentClass.ZERO: G_ZERO, ContentClass.WORD: G_SAME, ContentClass.RANDOM: G_RESIDENT}


@dataclass
class Done:
    stdout: bytes = b""
    status: int = 0
    stderr: bytes = b""


@dataclass
class SimStats:
    compressed: int = 0
    zero: int = 0
    same: int = 0
    lzo: int = 0
    committed: int = 0
    corrupted: int = 0
    unbalanced: int = 0
    nominal: int = 10_000
    discarded: int = 0
    ballooned: int = 0
    table_pages: int = 1
    meta_bytes: int = 100
    host_free: int = 1000
    reserve: int = 10
    rejected: int = 0
    requests: int = 0
    ticks_khz: int = 62_500
    moved: int = 0
    scanned: int = 0
    sweeps: int = 0
    host_total: int = 200_000
    # What happens while somebody waits for it.
    background: int = 0
    limited: int = 0
    waits: int = 0
    reclaims: int = 0
    stretch: dict[str, int] = field(default_factory=dict)
    reclaim_fault: int = 0
    restores: dict[str, int] = field(default_factory=dict)

    @property
    def resident(self) -> int:
        return self.nominal - self.compressed - self.ballooned - self.unbalanced

    @property
    def held(self) -> int:
        return self.resident + self.store_pages

    @property
    def store_pages(self) -> int:
        return self.lzo // 2

    @property
    def stored_bytes(self) -> int:
        return self.lzo * 2000


class SimGuest:
    """One guest with at most one memload; also its own shell and controller."""

    vcpus = 2
    memory_mib = 64
    compression = Compress(True, 0, True, True, False, False, "lzo", 0, 0, 0, 0, 0)

    def __init__(self, corpus: Corpus) -> None:
        self.name = "linux"
        self.corpus = corpus
        self.lost_page: int | None = None
        self.compresses = True
        self.unbalanced = 0
        self.ballooned = 0
        self.restored = 0
        self.ignores_age = False
        self.shift_objects = 0
        self.codec = "lzo"
        self.fills = 0
        self.moves_page: int | None = None
        """Which page has another gfn each time that somebody asks."""
        self.asked_pfns = 0
        self.refilled = 0
        self.works = 0
        self.sweeps = 0
        self.looks = 0
        self.stretch: dict[str, int] = {}
        self.commands: list[str] = []

    @property
    def shell(self) -> SimGuest:
        return self

    @property
    def controller(self) -> SimGuest:
        return self

    def set_slice(self, mib: int) -> None:
        self.commands.append(f"slice {mib}")

    def set(self, setup: Compress) -> None:
        words = f"set sweep_ms={setup.sweep_ms}"
        self.commands.append(words + " codec_only=1" * setup.codec_only)

    # shell

    def run(self, command: str, *, timeout_s: float) -> Done:
        words = shlex.split(command)
        if words[0] == "echo":
            self._force(0)
            return Done()
        if words[0] != "memload":
            self.commands.append(command)
            return Done(b"500\n")
        option = dict(itertools.pairwise(words))
        if words[1] == "serve":
            self.content = ContentClass(option["--class"])
            self.seed, self.pages = int(option["--seed"]), int(option["--pages"])
            self.state = np.full(self.pages, G_RESIDENT, dtype=np.uint8)
            self.age = np.zeros(self.pages, dtype=np.uint8)
            return Done(b"321\n")
        if words[0] == "xl":
            return Done()
        return Done(self._ctl(words[4:]))

    def _ctl(self, request: list[str]) -> bytes:
        verb = request[0]
        if verb == "fill":
            self.fills += 1
            self.cycle = int(request[1])
            self._touch(np.arange(self.pages))
        elif verb == "digest":
            self._touch(np.arange(self.pages))
            digests = content.expected_digests(
                self.content, self.seed, self.cycle, self.pages, self.corpus
            )
            if self.lost_page is not None:
                digests[self.lost_page] ^= np.uint64(1)
            return digests.tobytes()
        elif verb == "exec":
            return content.expected_exec_digests(
                self.content, self.seed, self.cycle, self.pages
            ).tobytes()
        elif verb == "refill":
            cycle, seed, start, end = map(int, request[1:])
            self._touch(content.shuffled(seed, self.pages)[start:end])
            self.refilled += end - start
            if self.refilled % self.pages == 0:
                self.cycle = cycle
        elif verb == "work":
            self.works += 1
            return np.array([1003 if self.works <= 3 else 1000], dtype=np.uint64).tobytes()
        elif verb == "touch-half":
            self._touch(content.touched_half(int(request[1]), self.pages))
        elif verb == "pfns":
            pfns = np.arange(self.pages, dtype=np.uint64) + np.uint64(FIRST_GFN)
            if self.moves_page is not None:
                self.asked_pfns += 1
                pfns[self.moves_page] += np.uint64(self.asked_pfns * self.pages)
            return pfns.tobytes()
        return b""

    def _touch(self, indices: Any) -> None:
        self.restored += int(np.count_nonzero(self.state[indices] != G_RESIDENT))
        self.state[indices] = G_RESIDENT
        self.age[indices] = 0

    # controller

    def _force(self, min_age: int) -> int:
        if not self.compresses:
            return 0
        numbers = content.class_numbers(self.content, np.arange(self.pages, dtype=np.uint64))
        for number, name in enumerate(content.CLASSES):
            old = (self.age >= min_age) | self.ignores_age
            self.state[(numbers == number) & old] = STATE.get(name, G_LZO)
        return self.pages

    def stats(self) -> SimStats:
        if not hasattr(self, "state"):
            return SimStats(unbalanced=self.unbalanced, ballooned=self.ballooned)
        self.looks += 1
        count = {g: int(np.count_nonzero(self.state == g)) for g in (G_ZERO, G_SAME, G_LZO)}
        return SimStats(
            compressed=sum(count.values()),
            zero=count[G_ZERO],
            same=count[G_SAME],
            lzo=count[G_LZO],
            unbalanced=self.unbalanced,
            ballooned=self.ballooned,
            restores={"data": self.restored},
            sweeps=self.sweeps if not self.works else 2 * self.sweeps,
            background=10_000 * self.looks,
            limited=self.looks,
            waits=100 * self.looks,
            reclaims=self.looks,
            rejected=self.looks,
            committed=sum(count.values()) + self.looks if self.stretch else 0,
            stretch=self.stretch,
            reclaim_fault=3000,
        )

    def compress(self, *, min_age: int = 0, max_pages: int = 0) -> int:
        return self._force(min_age)

    def restore(self) -> int:
        self._touch(np.arange(self.pages))
        return self.pages

    def sweep(self) -> None:
        self.age += 1

    def classes(self) -> list[dict[str, int]]:
        return [{"size": 2000, "chains": 2, "head": 400}]

    def histogram(self, name: str) -> Histogram:
        return Histogram.of([100, 200])

    def states(self) -> bytes:
        return bytes(FIRST_GFN) + self.state.tobytes()

    def dump_object(self, gfn: int) -> StoredObject:
        index = np.array([gfn - FIRST_GFN + self.shift_objects], dtype=np.uint64)
        page = content.pages(self.content, self.seed, self.cycle, index, self.corpus)
        if self.codec == "lz4":
            return StoredObject("lz4", lz4.block.compress(page.tobytes(), store_size=False))
        return StoredObject("lzo", lzo.compress(page.tobytes(), 1, False))


@dataclass
class SimObserver:
    """Sees that guest on a board of 20 000 pages, of which Xen has what is left."""

    guest: SimGuest
    lost: int = 0
    """Pages that nobody has any more."""

    def look(self) -> Sight:
        stats = self.guest.stats()
        free = 20_000 - 1000 - stats.resident - stats.store_pages - self.lost - 10
        return Sight(total=20_000, free=free, reserve=10, dom0=500, domains={"linux": stats})

    def kernels(self) -> Mapping[str, Mapping[str, int]]:
        return {"linux": {"populated": 40_000}}

    @property
    def pressure(self) -> Mapping[str, Mapping[str, int]]:
        found = Pressure(some_us=0, full_us=0, kills=0, requests=3, compressed_now=900)
        return {"linux": found.document()}

    def emulator(self) -> tuple[int | None, int | None]:
        return 80_000, 90_000


@dataclass
class SimBed:
    """The testbed with that guest."""

    guest: SimGuest
    corpus_dir: Path

    @property
    def guests(self) -> Mapping[str, SimGuest]:
        return {"linux": self.guest}

    @property
    def symbols(self) -> Path:
        raise NotImplementedError

    @contextmanager
    def beside(self, settings: Mapping[str, Any]) -> Iterator[Mapping[str, SimGuest]]:
        yield {self.guest.name: self.guest}

    startable: Sequence[str] = ()

    def start(self, *names: str, controlled: bool = True) -> list[SimGuest]:
        return [self.guest for _ in names]

    def stop(self, *names: str) -> None:
        self.guest.commands.append(f"stop {' '.join(names)}")

    @contextmanager
    def alone(self, guest: str, settings: Mapping[str, Any]) -> Iterator[SimGuest]:
        yield self.guest

    @contextmanager
    def without_controller(self) -> Iterator[Mapping[str, SimGuest]]:
        yield {self.guest.name: self.guest}

    def push_hostile(self, guest: str) -> None:
        self.guest.commands.append(f"push {guest}")

    def describe(self, *also: str) -> tuple[Mapping[str, str | int], Mapping[str, str]]:
        return {"cpu": "simulated"} | {f"{name}_vcpus": 2 for name in also}, {"xen": "00"}

    def consoles(self) -> Mapping[str, Path]:
        return {}

    started_s = 0.0
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def events(self) -> Path:
        return self.corpus_dir / "events.jsonl"

    @contextmanager
    def observing(self) -> Iterator[SimObserver]:
        yield SimObserver(self.guest)

    def supervise(self, *, check: Callable[[], None], tell: Callable[..., None]) -> None:
        pass

    def qmp(self, command: str, arguments: Mapping[str, Any]) -> Any:
        return {"command": command}

    def dom0(self) -> SimGuest:
        return self.guest

    @contextmanager
    def open(self, profile: str, settings: Mapping[str, Any]) -> Iterator[SimBed]:
        yield self
