# SPDX-License-Identifier: GPL-2.0-or-later
"""Each allocation of the controller fails, one by one, and nothing comes of it but an error.

For a Xen with assertions, `harness build xen --debug`; part of `harness nightly`.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from harness.build.artifacts import existing
from harness.errors import HypervisorError
from harness.hypervisor import DomainController
from harness.hypervisor.memcompress import Stats
from harness.report.books import imbalance_pages
from harness.scenarios.load import G_LZO
from harness.testbed import Testbed
from harness.transport.base import Transport
from tests.integration.compression import SETUP
from tests.integration.domains import paused_domain
from tests.integration.programs import push_program

pytestmark = pytest.mark.debug_xen

# More than any of these operations makes.
ALLOCATIONS = 100
# Of which the content is looked at, in so many pages.
CONTENT_PAGES = 300
# Compressed in one go: the store grows for it.
TAKEN = 64


@dataclass(frozen=True, slots=True)
class Failing:
    """Xen's option that has one allocation fail."""

    dom0: Transport
    program: str

    def arm(self, number: int) -> None:
        """The so manieth from now on; 0: none."""
        self.dom0.succeed(f"{self.program} mem_compress_fail {number}")

    def left(self) -> int:
        """How many allocations before it does; 0: it has."""
        return int(self.dom0.succeed(f"{self.program} mem_compress_fail"))

    def each(self, once: Callable[[], object]) -> int:
        """Repeat this with the first allocation failing, then the second, until all were told of.

        once: may raise HypervisorError. Returns how many allocations there were.
        """
        for number in count(1):
            assert number < ALLOCATIONS
            self.arm(number)
            told = "it has its memory"
            try:
                once()
            except HypervisorError as error:
                told = str(error)
            assert "memory" in told.lower()
            if left := self.left():
                self.arm(0)
                assert left <= number
                return number - 1
        raise AssertionError


@pytest.fixture
def failing(dom0: Transport) -> Iterator[Failing]:
    option = Failing(dom0, push_program(dom0, "xen_param.c"))
    yield option
    option.arm(0)


@pytest.fixture
def poor(dom0: Transport, tmp_path: Path) -> Iterator[DomainController]:
    """A domain that does not run, with content of ours, and for which it is not on yet."""
    words = random.Random(7).choices([b"some ", b"words ", b"or ", b"others "], k=400_000)
    content = tmp_path / "content"
    content.write_bytes(b"".join(words))
    dom0.push(content, "/tmp/content")
    dom0.push(existing().memload.path, "/tmp/memload")
    with paused_domain(dom0, "poor", 'ramdisk = "/tmp/content"') as domid:
        yield DomainController(dom0, domid)


def frames(stats: Stats) -> int:
    """Of the host, and not in use by a domain whose pages do not change."""
    return stats.host_free + stats.reserve


def test_it_is_not_switched_on_and_costs_nothing(
    testbed: Testbed, dom0: Transport, poor: DomainController, failing: Failing
) -> None:
    other = testbed.guests["linux"]
    other.controller.restore()
    dom0.succeed(f"xl pause {other.domid}")
    try:
        before = frames(other.controller.stats())

        def once() -> None:
            poor.enable(SETUP)

        # The reserve's frames, the domain's own state, ages, tables.
        assert failing.each(once) >= 4
        # A tool of dom0, at most, has a page more than it had.
        stats = poor.stats()
        assert abs(frames(stats) - before) * 4096 <= stats.meta_bytes + 16 * 4096
    finally:
        dom0.succeed(f"xl unpause {other.domid}")
    assert imbalance_pages(stats) == 0
    assert poor.compress() > 0


def test_pages_stay_where_they_are_and_keep_their_content(
    dom0: Transport, poor: DomainController, failing: Failing
) -> None:
    poor.enable(SETUP)
    poor.compress()
    chosen = [gfn for gfn, state in enumerate(poor.states()) if state & 0xF == G_LZO]
    words = " ".join(f"{gfn:#x}" for gfn in chosen[-CONTENT_PAGES:])

    def content() -> str:
        return dom0.succeed(f"/tmp/memload foreign {poor.domid} {words} | sha256sum").split()[0]

    known = content()
    assert known != hashlib.sha256(bytes(CONTENT_PAGES * 4096)).hexdigest()

    def there_and_back() -> None:
        poor.restore()
        poor.compress(max_pages=TAKEN)
        stats = poor.stats()
        assert imbalance_pages(stats) == 0
        assert stats.compressing == 0

    before = poor.stats()
    # One for each frame of the store, more or less.
    assert failing.each(there_and_back) > TAKEN / 4
    after = poor.stats()
    assert after.corrupted == 0
    assert content() == known
    poor.compress()
    assert poor.restore() > TAKEN
    assert content() == known
    assert after.no_memory > before.no_memory


@pytest.mark.parametrize("look", ["histogram", "classes", "object"])
def test_who_looks_is_told(poor: DomainController, failing: Failing, look: str) -> None:
    poor.enable(SETUP)
    poor.compress()
    gfn = next(gfn for gfn, state in enumerate(poor.states()) if state & 0xF == G_LZO)
    looks: dict[str, Callable[[], object]] = {
        "histogram": lambda: poor.histogram("decode"),
        "classes": poor.classes,
        "object": lambda: poor.dump_object(gfn),
    }
    assert failing.each(looks[look]) == 1
