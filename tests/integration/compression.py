# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of compression share: loads in a guest, and counting restores by cause."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.config.model import Compress
from harness.deadline import Deadline
from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass, Corpus
from harness.scenarios.load import Load, outlast_back_off
from harness.transport.base import Transport

SEED = 20_260
# How the testbeds of the tests switch it on.
SETUP = Compress(
    enabled=True,
    sweep_ms=0,
    crc=True,
    guest_ops=True,
    sw_af=False,
    codec_only=False,
    codec="lzo",
    max_compressed=0,
    max_store_pages=0,
    weight=0,
    min_age=0,
    max_held=0,
)
LoadStarter = Callable[..., Load]


class Loads:
    """Starts memload daemons in a guest and ends them all."""

    def __init__(self, guest: Guest, corpus_dir: Path) -> None:
        self._guest = guest
        self._corpus = Corpus.load(corpus_dir)
        self._started: list[Load] = []

    def start(
        self,
        content: ContentClass = ContentClass.MIX,
        pages: int = 1024,
        *,
        name: str = "test",
        seed: int = SEED,
        threads: int | None = None,
    ) -> Load:
        """A load that is already filled with cycle 1; one thread a vCPU, if not told otherwise."""
        load = Load.start(
            self._guest,
            name=name,
            content=content,
            seed=seed,
            pages=pages,
            corpus=self._corpus,
            threads=threads,
        )
        self._started.append(load)
        load.fill(1)
        # An earlier test may have had content here that does not compress.
        outlast_back_off(self._guest)
        return load

    def stop(self, load: Load) -> None:
        """End one of them, within the test."""
        self._started.remove(load)
        load.stop()

    def verify_all(self) -> None:
        """Every page of every load."""
        for order, load in enumerate(self._started):
            load.verify(order)

    def stop_all(self) -> None:
        """End every daemon, and leave nothing compressed for the next test."""
        while self._started:
            self._started.pop().stop()
        self._guest.controller.restore()


@contextmanager
def restores_counted(guest: Guest, cause: str) -> Iterator[None]:
    """The block must restore at least one page for this cause."""
    before = guest.controller.stats().restores[cause]
    yield
    after = guest.controller.stats().restores[cause]
    assert after > before, f"no restore by {cause}: {before} before and after"


@contextmanager
def repeated(where: Transport, command: str) -> Iterator[None]:
    """Repeat a command, in dom0 or a guest, until the block ends; it may fail."""
    flag = f"/tmp/repeated.{abs(hash(command))}"
    where.succeed(f"touch {flag}; (while [ -e {flag} ]; do {command}; done) >/dev/null 2>&1 &")
    try:
        yield
    finally:
        where.succeed(f"rm -f {flag}")


def codec_runs(guest: Guest) -> int:
    """Pages that the codec ran for: Xen times only those that it made smaller."""
    return guest.controller.histogram("encode").count + guest.controller.stats().rejected


@contextmanager
def nothing_compressed(guest: Guest) -> Iterator[None]:
    """Xen's own books: nobody asks it to compress, and its codec does not run, in the block."""
    before = guest.controller.stats().requests, codec_runs(guest)
    yield
    assert (guest.controller.stats().requests, codec_runs(guest)) == before


def wait_for(what: str, holds: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Until this holds; what is the name of it in the error."""
    deadline = Deadline(timeout_s)
    while not holds():
        deadline.check(what)
        time.sleep(0.3)
