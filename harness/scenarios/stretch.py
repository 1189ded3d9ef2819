# SPDX-License-Identifier: GPL-2.0-or-later
"""For how long does the controller keep a processor? What takes long is provoked, then asked for.

Xen itself keeps the longest stretch without a look at whether somebody else wants the processor,
by what the controller does, since it was booted (``xen-memcompress show``); so whatever happened
before the scenario counts as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

from harness.deadline import Deadline
from harness.errors import HarnessError, HypervisorError, ScenarioFailed
from harness.hypervisor.memcompress import TOOL
from harness.scenarios import measured
from harness.scenarios.bed import Guest, Shell
from harness.scenarios.content import ContentClass
from harness.scenarios.context import Context
from harness.scenarios.latency import Clock
from harness.scenarios.load import Load, driver_request, guest_run, outlast_back_off

HOSTILE = "/sys/kernel/xmc_hostile"
# guest-drivers/hostile/calls.c: lists, tables and arguments that are as bad as they can be.
ATTACKS = ("argument", "endless", "long-list", "request-page", "")
# A domain that never runs; what else differs from the guest's own is how much memory it has.
CONFIG = (
    "sed -e 's/^name = .*/name = \"{name}\"/' -e 's/^vif = .*//' -e 's/^vcpus = .*/vcpus = 1/'"
    " -e 's/^memory = .*/memory = {mib}/' -e 's/^maxmem = .*/maxmem = {mib}/'"
    " /guests/{like}.cfg > /tmp/{name}.cfg && xl create -p /tmp/{name}.cfg"
)
BACKGROUND_S, RECLAIM_S, BACK_S = 120.0, 180.0, 300.0
# Frames: Xen takes no lower limit (MC_LIMIT_MIN).
LIMIT_MIN = 1024


class _Meanwhile:
    """Something that may take until the guest has memory again."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._error: HarnessError | None = None
        self._thread = Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except HarnessError as error:
            self._error = error

    def over(self, timeout_s: float = 0.0) -> bool:
        """Whether it came to its end. Raises what it raised."""
        self._thread.join(timeout_s)
        if self._error:
            raise self._error
        return not self._thread.is_alive()


def measure_stretch(ctx: Context, step: measured.Stretch) -> None:
    """Record max_stretch_insns and max_fault_reclaim_insns, and what they are made of.

    Raises ScenarioFailed when something that was to be measured did not happen.
    """
    guest = ctx.guests[0]
    for provoke in (_in_bulk, _from_inside, _idle, _reclaim, _limit, _teardown):
        provoke(ctx, guest, step)
        ctx.folder.event("provoked", what=provoke.__name__.strip("_"))
    stats = guest.controller.stats()
    labels = {"guest": guest.name, "profile": ctx.profile}
    insns = {what: _insns(ctx, ticks) for what, ticks in stats.stretch.items()}
    for what, value in insns.items():
        ctx.folder.metric("stretch_insns", value, "insns", what=what, **labels)
    never = [what for what, value in insns.items() if not value]
    if never:
        raise ScenarioFailed(f"nothing was ever done for {', '.join(never)}", where=guest.name)
    longest = max(insns, key=insns.__getitem__)
    ctx.folder.metric("max_stretch_insns", insns[longest], "insns", what=longest, **labels)
    fault = _insns(ctx, stats.reclaim_fault)
    ctx.folder.metric("max_fault_reclaim_insns", fault, "insns", **labels)
    ctx.active = True


def _insns(ctx: Context, ticks: int) -> float:
    return Clock(ctx.guests[0].controller.stats().ticks_khz).ns(ticks)


def _dom0(ctx: Context, command: str) -> str:
    """A command in dom0 that must succeed. Raises HypervisorError with its own words."""
    shell: Shell = ctx.bed.dom0()
    done = shell.run(command, timeout_s=120.0)
    if done.status:
        said = done.stderr.decode(errors="replace").strip()
        raise HypervisorError(said or f"status {done.status}", where=f"dom0: {command}")
    return done.stdout.decode()


def _load(ctx: Context, guest: Guest, name: str, content: ContentClass, pages: int) -> Load:
    load = Load.start(
        guest,
        name=name,
        content=content,
        seed=ctx.seed,
        pages=pages,
        corpus=ctx.corpus,
        threads=1,
    )
    load.fill(ctx.next_cycle())
    return load


def _in_bulk(ctx: Context, guest: Guest, step: measured.Stretch) -> None:
    """Whole domains and processes in and out, by dom0 and by the guest; compaction between."""
    load = _load(ctx, guest, "bulk", ContentClass.MIX, step.pages)
    outlast_back_off(guest)
    for out in (guest.controller.restore, lambda: driver_request(guest, "restore", "all")):
        guest.controller.compress()
        guest.controller.states()
        out()
    for _ in range(step.rounds):
        cycle = ctx.next_cycle()
        for part in range(4):
            # Pages that come back, and go out again larger or smaller, leave holes.
            load.refill(cycle, cycle, part * load.count // 4, (part + 1) * load.count // 4)
            outlast_back_off(guest)
            load.compress()
        load.refilled(cycle)
    load.verify(ctx.seed)
    load.stop()


def _from_inside(ctx: Context, guest: Guest, step: measured.Stretch) -> None:
    """Every operation of a guest with arguments, lists and page tables that mean harm."""
    ctx.bed.push_hostile(guest.name)
    guest_run(guest, f"insmod /tmp/{HOSTILE.rpartition('/')[2]}.ko")
    for attack in ATTACKS:
        words = f"{step.attack_s} {ctx.seed} {attack}"
        guest_run(guest, f"echo '{words}' > {HOSTILE}/run", timeout_s=step.attack_s + 300.0)
    guest_run(guest, "rmmod xmc_hostile")


def _idle(ctx: Context, guest: Guest, step: measured.Stretch) -> None:
    """Processors that have nothing to do take pages, as if the host was short of memory."""
    load = _load(ctx, guest, "idle", ContentClass.MIX, step.pages // 2)
    outlast_back_off(guest)
    before, domain = guest.controller.stats(), guest.name
    _dom0(ctx, f"{TOOL} set {domain} weight=1")
    _dom0(ctx, f"{TOOL} host low={before.host_total} high={before.host_total}")
    deadline = Deadline(BACKGROUND_S)
    while guest.controller.stats().background - before.background < step.pages // 4:
        deadline.check("idle processors to compress")
        time.sleep(0.5)
    _dom0(ctx, f"{TOOL} host low=0 high=0")
    _dom0(ctx, f"{TOOL} set {domain} weight=0")
    load.verify(ctx.seed)
    load.stop()


@contextmanager
def _asleep(ctx: Context, guest: Guest, name: str, mib: int | str) -> Iterator[None]:
    """A domain that never runs."""
    _dom0(ctx, CONFIG.format(name=name, like=guest.name, mib=mib))
    try:
        yield
    finally:
        _dom0(ctx, f"xl destroy {name}")


def _reclaim(ctx: Context, guest: Guest, step: measured.Stretch) -> None:
    """No frame is left, and what is oldest does not compress, or does: both in faults."""
    load = _load(ctx, guest, "reclaim", ContentClass.MIX, step.pages)
    _compressed_and_old(ctx, guest, load)
    before = guest.controller.stats()
    free = int(_dom0(ctx, "xl info | sed -n 's/^free_memory *: //p'"))
    with _asleep(ctx, guest, "hog", free - 5):
        # Writes to pages for which there are no frames.
        writing = _Meanwhile(lambda: load.fill(ctx.next_cycle()))
        deadline = Deadline(RECLAIM_S)
        while not writing.over() and guest.controller.stats().waits - before.waits < step.waits:
            deadline.check("faults to have tried everything")
            time.sleep(0.5)
        after = guest.controller.stats()
    for name in ("reclaims", "rejected", "committed"):
        if getattr(after, name) == getattr(before, name):
            raise ScenarioFailed(f"{name}: none in a fault", where=guest.name)
    if not writing.over(BACK_S):
        raise ScenarioFailed("it did not go on when there was memory again", where=guest.name)
    load.verify(ctx.seed)
    load.stop()


def _compressed_and_old(ctx: Context, guest: Guest, load: Load) -> None:
    """Most of it compressed, the rest old; of this what does not compress is tried once more."""
    guest.controller.compress()
    assert load.cycle is not None
    # Its own content: nobody knows that it is the same.
    load.refill(load.cycle, ctx.seed, 0, load.count // 4)
    outlast_back_off(guest)


def _limit(ctx: Context, guest: Guest, step: measured.Stretch) -> None:
    """A domain at its limit: faults that bring pages back compress others, or fail to."""
    load = _load(ctx, guest, "limit", ContentClass.MIX, step.pages // 2)
    _compressed_and_old(ctx, guest, load)
    before = guest.controller.stats()
    _dom0(ctx, f"{TOOL} set {guest.name} max_held={max(before.held, LIMIT_MIN)}")
    for seed in range(2):
        load.verify(seed)
    after = guest.controller.stats()
    for name in ("limited", "rejected"):
        if getattr(after, name) == getattr(before, name):
            raise ScenarioFailed(f"{name}: none at a limit", where=guest.name)
    _dom0(ctx, f"{TOOL} set {guest.name} max_held=0")
    load.stop()


def _teardown(ctx: Context, guest: Guest, step: measured.Stretch) -> None:
    """A domain that was compressed is destroyed."""
    with _asleep(ctx, guest, "doomed", step.doomed_mib):
        _dom0(ctx, f"{TOOL} enable doomed sweep_ms=0 && {TOOL} compress doomed")
