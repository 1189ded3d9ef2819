# SPDX-License-Identifier: GPL-2.0-or-later
"""What is in frames: gone with the domain, and never anything else.

A domain that never runs, with content of ours where its initrd is; looked for, and changed, in the
board's memory from outside.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.errors import HypervisorError
from harness.hypervisor import DomainController, Xl
from harness.hypervisor.memcompress import TOOL
from harness.report.books import imbalance_pages
from harness.scenarios.load import G_LZO
from harness.testbed import Testbed
from tests.integration.board import places_of, write
from tests.integration.compression import SETUP, wait_for
from tests.integration.domains import create_paused, destroy_if_there

OWNER, HEIR = "owner", "heir"
SECRET_PAGES = 1024
PAGE = 4096
# What timeout says of a command that it had to end, as GNU has it and as busybox.
TIMED_OUT = (124, 143)


def secret_pages(secret: bytes) -> bytes:
    """Pages that begin with it: some compress well, some a little, some not at all."""
    rng = random.Random(secret)

    def page(number: int) -> bytes:
        noise = (16, 300, 1500, PAGE)[number % 4]
        return (secret + rng.randbytes(noise) + b"and so on " * PAGE)[:PAGE]

    return b"".join(map(page, range(SECRET_PAGES)))


@pytest.fixture
def secret() -> bytes:
    """Found nowhere else; another one for each test."""
    return random.SystemRandom().randbytes(16)


@pytest.fixture
def owner(booted: Testbed, secret: bytes, tmp_path: Path) -> Iterator[DomainController]:
    """A paused domain whose memory holds the secret; the only one that the controller is on for."""
    local = tmp_path / "secret"
    local.write_bytes(secret_pages(secret))
    booted.dom0.push(local, "/tmp/secret")
    domid = create_paused(booted.dom0, OWNER, 'ramdisk = "/tmp/secret"')
    controller = DomainController(booted.dom0, domid)
    controller.enable(SETUP)
    yield controller
    for name in (OWNER, HEIR):
        destroy_if_there(booted.dom0, name)


@contextmanager
def each_on_its_own(testbed: Testbed) -> Iterator[Callable[[int, str], object]]:
    """Runs commands of dom0 on a processor of one's choice."""
    dom0, cpus = testbed.dom0, range(testbed.profile.board.cpus)
    for cpu in cpus:
        dom0.succeed(f"xl vcpu-pin 0 {cpu} {cpu}")
    try:
        yield lambda cpu, command: dom0.succeed(f"taskset {1 << cpu:x} {command}")
    finally:
        for cpu in cpus:
            dom0.succeed(f"xl vcpu-pin 0 {cpu} all")


def test_what_a_domain_held_is_nowhere_once_it_is_gone(
    booted: Testbed, owner: DomainController, secret: bytes, tmp_path: Path
) -> None:
    """Neither in free frames, nor with whoever got them since, nor kept by the controller."""
    # In and out, so that frames went through the reserve, the heap and the store.
    for _ in range(2):
        owner.compress()
        owner.restore()
    owner.compress()
    stats = owner.stats()
    assert stats.lzo > SECRET_PAGES / 2
    assert stats.rejected > 0
    # One can find it: in objects, which have it as a literal, and in pages that were rejected.
    assert len(places_of(booted, secret, tmp_path)) > SECRET_PAGES / 2

    xl = Xl(booted.dom0)
    xl.destroy(OWNER)
    # At once: what is free is scrubbed by idle processors, or when it is given to somebody.
    heir = DomainController(booted.dom0, create_paused(booted.dom0, HEIR))
    heir.enable(SETUP)
    # Each processor has a buffer with what it encoded last, and one that it decoded from.
    with each_on_its_own(booted) as run_on:
        for cpu in range(booted.profile.board.cpus):
            for verb in ("compress", "restore"):
                run_on(cpu, f"{TOOL} {verb} {heir.domid}")
    xl.destroy(HEIR)
    left: list[int] = []

    def none_left() -> bool:
        left[:] = places_of(booted, secret, tmp_path)
        print(f"{len(left)} places", [f"{at:#x}" for at in left[:4]])
        return not left

    wait_for("the secret to be nowhere", none_left, timeout_s=40)


def test_a_damaged_object_stops_its_domain_and_nothing_else(
    booted: Testbed, owner: DomainController, secret: bytes, tmp_path: Path
) -> None:
    """Detected by its checksum: what a decoder takes without complaint is no page of the guest."""
    owner.compress()
    damaged = 0
    lzo = [gfn for gfn, state in enumerate(owner.states()) if state & 0xF == G_LZO]
    for gfn in reversed(lzo):
        content = owner.dump_object(gfn).content
        if secret not in content:
            continue
        # The literals are where a change is not noticed by what follows.
        places = places_of(booted, content, tmp_path)
        if len(places) == 1:
            damaged, at = gfn, content.index(secret) + 3
            write(booted, places[0] + at, bytes([content[at] ^ 0x40]))
            break
    assert damaged, "no object lies in one piece"

    with pytest.raises(HypervisorError, match="damaged"):
        owner.restore()
    after = owner.stats()
    assert after.corrupted > 0
    assert imbalance_pages(after) == 0
    # It is the only one that is lost, and it is not given out in any form.
    assert owner.states()[damaged] & 0xF == G_LZO
    # Who looks at all of it comes to an end: this page will not be there next time, either.
    looked = booted.dom0.run(f"timeout 60 xl dump-core {OWNER} /dev/null", timeout_s=90)
    assert looked.status not in TIMED_OUT, "dump-core asks for the damaged page for ever"
    assert owner.stats().corrupted < after.corrupted + 100
    said = booted.dom0.succeed("xl dmesg")
    assert f"gfn {damaged:#x}: stored object is corrupt, domain paused" in said
    destroy_if_there(booted.dom0, OWNER)
    heir = DomainController(booted.dom0, create_paused(booted.dom0, HEIR))
    heir.enable(SETUP)
    heir.compress()
    assert heir.restore() > 0
