# SPDX-License-Identifier: GPL-2.0-or-later
"""How many guests the same board hosts, by technique: VMs that fit.

Guests of one size are started one after another. Each holds a workload, works, and then waits.
Whoever hosts them makes room for the next by what the technique has: the controller takes what idle
guests do not use; what works inside a guest lets it do with a smaller slice, a step above the
smallest in which the workload once lived. It is over when there is no room for one more, or one was
killed. Only guests whose whole content was compared with the host's afterwards count.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.errors import GuestError, HypervisorError, MachineError, ScenarioFailed, UsageError
from harness.report.books import gained_kib, imbalance_pages
from harness.report.run import Scalar
from harness.report.values import NONE, OURS
from harness.scenarios.bed import Guest
from harness.scenarios.compared import Hosted, PressureStorm
from harness.scenarios.context import Context
from harness.scenarios.pressure import read_pressure
from harness.scenarios.smallest import bisect
from harness.scenarios.techniques import Active, Technique, boost_watermarks, technique
from harness.scenarios.workloads import Running, Setup, running, workload

PAGES_PER_MIB = 256
# Page tables, vCPUs, grant tables, and the frames that the controller keeps back.
PER_GUEST_MIB = 6
# Twice as old as what was touched since the last look.
IDLE_SWEEPS = 2
# As near as a smallest slice is looked for.
SLICE_STEP_MIB = 4
KILLERS = (NONE, "kill")


@dataclass(slots=True)
class Member:
    """A guest that runs, with what it holds."""

    guest: Guest
    active: Active
    work: Running
    kills: int = 0

    def verify(self) -> int:
        """All that it holds. Raises GuestError when something of it was killed."""
        checked = self.work.verify()
        if read_pressure(self.guest).kills > self.kills:
            raise GuestError("its kernel has killed", where=self.guest.name)
        return checked


@dataclass(slots=True)
class Crowd:
    """The guests of one technique."""

    ctx: Context
    step: Hosted | PressureStorm
    technique: Technique
    members: list[Member] = field(default_factory=list)
    slice_mib: int = 0
    hosted: int = 0
    """Guests of which all were verified together."""
    why: str = "no more guests in the profile"

    @property
    def by_host(self) -> bool:
        """The host makes room, not the guests."""
        return self.technique.name.startswith(OURS)

    def gather(self, names: Sequence[str]) -> None:
        """Start these until it is over; ``hosted`` and ``why`` say what came of it."""
        for number, name in enumerate(names, start=1):
            try:
                self._one_more(name)
                if number % self.step.verify_every == 0:
                    self._verify()
            except (GuestError, MachineError, HypervisorError) as error:
                self.why = f"{number}: {error.message}"
                break
        try:
            self._verify()
        except GuestError as error:
            self.why += f"; then {error.message}"

    def _one_more(self, name: str) -> None:
        self._make_room(name)
        (guest,) = self.ctx.bed.start(name, controlled=self.by_host)
        boost_watermarks(guest, "0")
        if not self.members and not self.by_host and self.technique.name not in KILLERS:
            self.slice_mib = self._smallest_slice(guest)
        before = self.technique.counters(guest)
        self.technique.set_up(guest)
        if self.slice_mib:
            guest.set_slice(self.slice_mib)
        work = workload(self.step.workload).start(
            guest, self._setup(), prefix=self.technique.prefix
        )
        member = Member(guest, Active(self.technique, guest, before), work)
        member.kills = read_pressure(guest).kills
        work.work()
        member.verify()
        self.members.append(member)
        self.ctx.folder.event("hosted", technique=self.technique.name, guest=name, free=self.free())

    def _setup(self) -> Setup:
        step = self.step
        return Setup(seed=self.ctx.seed, mib=step.mib, corpus=self.ctx.corpus, work=step.work)

    def _smallest_slice(self, guest: Guest) -> int:
        """A step more than the least in which the workload, under this technique, worked and was
        whole afterwards once: there, the same guest is killed the next time."""

        def lives(mib: int) -> bool:
            try:
                guest.set_slice(mib)
                with (
                    self.technique.on(guest),
                    running(
                        workload(self.step.workload),
                        guest,
                        self._setup(),
                        prefix=self.technique.prefix,
                    ) as work,
                ):
                    work.work()
                    work.verify()
            except GuestError:
                return False
            finally:
                guest.set_slice(guest.memory_mib)
                time.sleep(self.step.settle_s)
            return True

        found = bisect(guest.memory_mib // 2, guest.memory_mib, SLICE_STEP_MIB, lives)
        if found is None:
            raise GuestError("the workload does not fit in its guest", where=guest.name)
        return min(found[0] + SLICE_STEP_MIB, guest.memory_mib)

    def _make_room(self, name: str) -> None:
        """For one more guest. Raises HypervisorError when there is none."""
        memory_mib = int(self.ctx.bed.config["guests"][name]["memory_mib"])
        needed = (memory_mib + PER_GUEST_MIB) * PAGES_PER_MIB
        if self.by_host and self.free() < needed:
            for member in self.members:
                self._squeeze(member)
        if (free := self.free()) < needed:
            raise HypervisorError(f"no room: {free} frames are free, {needed} are wanted")

    def _squeeze(self, member: Member) -> None:
        for _ in range(IDLE_SWEEPS):
            member.guest.controller.sweep()
        member.guest.controller.compress(min_age=1)

    def free(self) -> int:
        """Frames of the host that are free."""
        with self.ctx.bed.observing() as observer:
            return observer.look().free

    def _verify(self) -> None:
        """All of them, while all of them are there. Raises GuestError naming one that is not."""
        for member in self.members:
            checked = member.verify()
            self.ctx.verified[member.guest.name] = checked
            if self.by_host:
                self._squeeze(member)
                stats = member.guest.controller.stats()
                off = imbalance_pages(stats)
                if off:
                    raise ScenarioFailed(
                        f"the books do not balance by {off} pages", where=member.guest.name
                    )
        self.hosted = len(self.members)


def host(ctx: Context, step: Hosted) -> None:
    """Record ``guests_hosted`` of each technique, and ``guests_hosted_ratio`` of ours over none.

    Raises UsageError when the profile has nothing to start, ScenarioFailed when content differs.
    """
    if not ctx.bed.startable:
        raise UsageError(
            f"profile {ctx.profile} has no guest that is not started with it",
            where="step hosted",
            hint="guests.NAME.start = false, or the profile crowd",
        )
    hosted: dict[str, int] = {}
    for name in step.techniques:
        crowd = Crowd(ctx, step, technique(name))
        try:
            crowd.gather(ctx.bed.startable)
            _record(ctx, crowd)
        finally:
            ctx.bed.stop(*ctx.bed.startable)
        hosted[name] = crowd.hosted
    if hosted.get(NONE) and OURS in hosted:
        ratio = hosted[OURS] / hosted[NONE]
        labels: dict[str, Scalar] = {"workload": step.workload, "technique": OURS}
        labels |= {"hosted": hosted[OURS], "hosted_by_none": hosted[NONE]}
        ctx.folder.metric("guests_hosted_ratio", ratio, "ratio", **labels)


def _record(ctx: Context, crowd: Crowd) -> None:
    name = crowd.technique.name
    labels: dict[str, Scalar] = {"technique": name, "workload": crowd.step.workload}
    about: dict[str, Scalar] = {"slice_mib": crowd.slice_mib, "why": crowd.why}
    ctx.folder.metric("guests_hosted", crowd.hosted, "guests", **labels, **about)
    counted = sum(member.active.count for member in crowd.members)
    ctx.folder.metric("technique_count", counted, "events", **labels)
    ctx.active = ctx.active or bool(counted)
    if crowd.by_host:
        gained = sum(gained_kib(member.guest.controller.stats()) for member in crowd.members)
        ctx.folder.metric("gained", gained, "KiB", **labels)
