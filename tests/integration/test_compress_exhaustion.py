# SPDX-License-Identifier: GPL-2.0-or-later
"""What happens when the host has no memory left.

Two Linux guests on a small board, compressed. A third domain, which never runs, takes the frames
that they have gained, so that they cannot have them back; then they want them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import pytest

from harness.build.artifacts import existing
from harness.errors import HarnessError
from harness.report.books import imbalance_pages
from harness.scenarios.content import ContentClass
from harness.scenarios.live import LiveGuest
from harness.scenarios.load import guest_run
from harness.testbed import Testbed
from harness.testing import TestbedPool
from tests.integration.compression import Loads, wait_for
from tests.integration.programs import push_program

HOG = "hog"
# Of the reserve's target: what it has besides frames for vCPUs, and what it keeps for reclaim.
RESERVE, RECLAIM_FRAMES = 256, 16
# A guest whose vCPUs sleep for a frame says that time went by; that is not what these test.
STANDSTILL = 'allow=["rcu-stall", "hung-task"]'
BED = [
    "guests.android.enabled=false",
    "board.memory_mib=704",
    f"guests.linux.{STANDSTILL}",
    # What is free stays with the guest, or there is little to compress.
    'guests.linux.options=["xen_privcmd.unrestricted=1", "xmc.driver=report=0"]',
    'guests.second.kind="linux"',
    "guests.second.memory_mib=64",
    f"guests.second.{STANDSTILL}",
    'guests.second.options=["xen_privcmd.unrestricted=1", "xmc.driver=report=0"]',
]


@pytest.fixture
def bed(testbeds: TestbedPool) -> Testbed:
    """Two Linux guests and little else."""
    return testbeds.get("default", BED)


@pytest.fixture
def pair(bed: Testbed) -> tuple[LiveGuest, LiveGuest]:
    return LiveGuest(bed.guests["linux"]), LiveGuest(bed.guests["second"])


@contextmanager
def loads_in(guest: LiveGuest) -> Iterator[Loads]:
    loads = Loads(guest, existing().corpus.path)
    yield loads
    loads.stop_all()


@contextmanager
def hog(bed: Testbed, *, mib: int) -> Iterator[None]:
    """A domain of that size that never runs; the block may have destroyed it already."""
    config = f"/tmp/{HOG}.cfg"
    bed.dom0.succeed(
        f"sed -e 's/^name = .*/name = \"{HOG}\"/' -e 's/^memory = .*/memory = {mib}/'"
        f" -e 's/^maxmem = .*/maxmem = {mib}/' -e 's/^vif = .*//' -e 's/^vcpus = .*/vcpus = 1/'"
        f" /guests/linux.cfg > {config}"
    )
    bed.xl.create_paused(config, HOG)
    try:
        yield
    finally:
        if HOG in bed.xl.domains():
            bed.xl.destroy(HOG)


@contextmanager
def on_processor(bed: Testbed, cpu: int | str, guests: Sequence[LiveGuest]) -> Iterator[None]:
    """All vCPUs of these guests run on that one."""
    domids = [guest.controller.domid for guest in guests]
    for domid in domids:
        bed.dom0.succeed(f"xl vcpu-pin {domid} all {cpu}")
    try:
        yield
    finally:
        for domid in domids:
            bed.dom0.run(f"xl vcpu-pin {domid} all all")


@contextmanager
def enomem_counted(bed: Testbed) -> Iterator[Callable[[], int]]:
    """How often dom0 got VIRQ_ENOMEM, so far."""
    program, count = push_program(bed.dom0, "virq_enomem.c"), "/tmp/virq-enomem.count"
    pid = bed.dom0.succeed(f"{program} {count} >/dev/null 2>&1 & echo $!").strip()
    wait_for("virq-enomem to listen", lambda: bed.dom0.run(f"test -s {count}").status == 0)
    try:
        yield lambda: int(bed.dom0.succeed(f"cat {count}"))
    finally:
        bed.dom0.succeed(f"kill {pid}; rm {count}")


def free_mib(bed: Testbed) -> int:
    return int(bed.xl.host_memory().free_kib // 1024)


class Background:
    """Something that a guest does meanwhile, and that may take until it gets its memory."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[], object]) -> None:
        try:
            work()
        except HarnessError as error:
            self.error = error

    def done(self, timeout_s: float) -> bool:
        self._thread.join(timeout_s)
        return not self._thread.is_alive()


def write_noise(loads: Loads) -> None:
    # Some hundred pages more than the host has for one of them, with all else of both compressed,
    # and some hundred less than the guest itself has for it.
    loads.start(ContentClass.RANDOM, 4864, name="noise", seed=7)


class Exhaustion:
    """Guests whose memory is compressed, on a host whose other frames somebody else has."""

    def __init__(self, bed: Testbed, guests: tuple[LiveGuest, ...], loads: list[Loads]) -> None:
        self._guests = guests
        self._loads = loads
        self.known = [one.start(ContentClass.TEXT, 3072) for one in loads]
        for guest in guests:
            guest.controller.compress()
        self.before = [guest.controller.stats() for guest in guests]
        assert all(stats.compressed > 8000 for stats in self.before)
        self.noise: list[Background] = []

    def fill_fronts(self, bed: Testbed) -> None:
        """Faults on each processor, which has some frames in front of it then."""
        first = self._guests[0]
        for cpu in range(bed.profile.board.cpus):
            with on_processor(bed, cpu, [first]):
                first.controller.compress()
                guest_run(first, "true")

    def check_fronts_empty(self) -> None:
        """What guests leave is for reclaim, and for Xen's own accesses; it lies nowhere else."""

        def empty() -> bool:
            stats = self._guests[0].controller.stats()
            return stats.reserve <= stats.reserve_target - RESERVE + RECLAIM_FRAMES

        wait_for("all frames but the last to be used", empty, timeout_s=20)

    def begin(self) -> None:
        """Every guest writes what does not compress to frames that it does not have."""
        self.noise = [Background(partial(write_noise, one)) for one in self._loads]
        wait_for("all guests to have come to a halt", self._halted, timeout_s=120)

    def _halted(self) -> bool:
        """In all of them: reclaim in faults was tried, and then vCPUs slept, again and again."""
        now = [guest.controller.stats() for guest in self._guests]
        return all(
            after.reclaims > then.reclaims and after.waits - then.waits > 50
            for after, then in zip(now, self.before, strict=True)
        )

    def check_halted(self) -> None:
        """While nothing moves: dom0 works, and the books are right."""
        now = [guest.controller.stats() for guest in self._guests]
        assert [imbalance_pages(stats) for stats in now] == [0] * len(now)
        assert all(stats.compressed > 500 for stats in now)
        assert not any(noise.done(0) for noise in self.noise)
        # Reclaim in faults was not only tried: nobody else has asked for compression since.
        assert sum(s.committed - b.committed for s, b in zip(now, self.before, strict=True)) > 0

    def check_finished(self, *which: int) -> None:
        """These guests got what they wanted, and lost nothing."""
        for index in which:
            assert self.noise[index].done(240.0), "it did not go on"
            assert self.noise[index].error is None, self.noise[index].error
            self.known[index].verify(11 + index)
            assert imbalance_pages(self._guests[index].controller.stats()) == 0


def test_guests_wait_when_nothing_is_left_and_go_on_when_a_domain_is_destroyed(
    bed: Testbed, pair: tuple[LiveGuest, LiveGuest]
) -> None:
    with loads_in(pair[0]) as some, loads_in(pair[1]) as more, enomem_counted(bed) as told:
        scene = Exhaustion(bed, pair, [some, more])
        scene.fill_fronts(bed)
        # Those in front of one processor are for faults on another, too.
        with on_processor(bed, 1, pair), hog(bed, mib=free_mib(bed) - 5):
            scene.begin()
            scene.check_halted()
            scene.check_fronts_empty()
            # There is one for each vCPU that goes to sleep, more or less.
            assert told() > 0
            bed.xl.destroy(HOG)
            scene.check_finished(0, 1)
    bed.check("linux", "second")


def test_destroying_one_of_those_that_wait_lets_the_others_go_on(
    bed: Testbed, pair: tuple[LiveGuest, LiveGuest]
) -> None:
    """The last test here: the second guest is gone after it."""
    with loads_in(pair[0]) as some:
        doomed = Loads(pair[1], existing().corpus.path)
        scene = Exhaustion(bed, pair, [some, doomed])
        with hog(bed, mib=free_mib(bed) - 5):
            scene.begin()
            scene.check_halted()
            bed.xl.destroy("second")
            wait_for("the domain to be gone", lambda: "second" not in bed.xl.domains())
            scene.check_finished(0)
    bed.check("linux")
