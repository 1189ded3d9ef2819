# SPDX-License-Identifier: GPL-2.0-or-later
"""How many applications stay alive in the same frames, with compression and without."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from harness.errors import GuestError, ScenarioFailed
from harness.report.run import Scalar
from harness.scenarios import appsteps
from harness.scenarios.apps import Device
from harness.scenarios.bed import Guest
from harness.scenarios.context import Context

PAGES_PER_MIB = 256
# While pages come back and older ones are on their way out.
SLICE_TOLERANCE = 0.02
# Part of the time that each application may go unverified in which all have their turn: the rest is
# for the start of one more. Where that is too little, for one that takes so many times as long as
# any before (memory gets scarce), turns are shorter.
PACE = 0.6
STARTS = 2.0


@dataclass(frozen=True, slots=True)
class Alive:
    """Applications that were alive together; longest_s: that one of them went unverified at most.

    most_held: frames of the host that the guest cost at most, where it has a controller
    why: it ended
    """

    count: int
    longest_s: float
    most_held: int
    why: str


def compare_alive(ctx: Context, step: appsteps.AppsAlive) -> None:
    """Record apps_alive_ratio: in a slice with compression and growth, over lmkd alone.

    Raises ScenarioFailed when the guest held more than its slice.
    """
    (guest,) = ctx.guests  # whose slice_mib the scenario's settings say
    ours = fill(guest, step, controlled=True)
    Device(guest.name, guest.shell).stop()  # its sweeps would cost the other time
    settings: dict[str, Scalar] = {
        f"guests.{guest.name}.memory_mib": step.slice_mib,
        f"guests.{guest.name}.slice_mib": 0,
        f"guests.{guest.name}.compress.enabled": False,
    }
    with ctx.bed.beside(settings) as others:
        theirs = fill(others[guest.name], step, controlled=False)
    ctx.active = ctx.active or guest.controller.stats().committed > 0
    labels: dict[str, Scalar] = {"guest": guest.name, "profile": ctx.profile}
    for name, found in (("mem-compress", ours), ("kill", theirs)):
        own = labels | {"compared": name, "why": found.why}
        ctx.folder.metric("apps_alive", found.count, "applications", **own)
        ctx.folder.metric("apps_verified_every", found.longest_s, "s", **own)
        ctx.folder.metric("slice_most_held", found.most_held, "pages", **own)
    ratio = ours.count / theirs.count
    ctx.folder.metric(
        "apps_alive_ratio", ratio, "ratio", **labels, alive=ours.count, alive_by_kill=theirs.count
    )
    limit = step.slice_mib * PAGES_PER_MIB
    if ours.most_held > limit * (1 + SLICE_TOLERANCE):
        raise ScenarioFailed(
            f"the guest held {ours.most_held} frames in a slice of {limit}", where=guest.name
        )


def fill(guest: Guest, step: appsteps.AppsAlive, *, controlled: bool) -> Alive:
    """Start applications until one is killed, or they cannot be verified in time.

    Those of the last number with which neither happened count.
    """
    device = Device(guest.name, guest.shell)
    device.stop()
    gone = device.counts().gone
    turns = Turns(guest, device, step.every_s, controlled=controlled)
    lived = Alive(0, 0.0, 0, "no more applications")
    for number, package in enumerate(device.packages(), start=1):
        try:
            turns.begin(package)
            for _ in range(step.rounds if number >= step.verify_from else 0):
                turns.round()
        except GuestError as error:
            if device.counts().gone == gone:
                raise
            return replace(lived, why=f"lmkd killed at {number}: {error.message}")
        if device.counts().gone != gone:
            return replace(lived, why=f"lmkd killed at {number}")
        if turns.longest_s > step.every_s:
            return replace(lived, why=f"one of {number} unverified for {turns.longest_s:.0f} s")
        lived = replace(lived, count=number, longest_s=turns.longest_s, most_held=turns.most_held)
    return lived


class Turns:
    """Applications that are brought to the front in turn, each verifying its whole heap then.

    The one that was longest unused is always next, as evenly as ``every_s`` allows: what is far
    away comes back, and the others have their time to be idle.
    """

    def __init__(self, guest: Guest, device: Device, every_s: float, *, controlled: bool) -> None:
        self._guest = guest
        self._device = device
        self._every_s = every_s
        self._controlled = controlled
        self._verified: dict[str, float] = {}
        self._longest_start_s = 0.0
        self.longest_s = 0.0
        """Between two times that the same one was verified."""
        self.most_held = 0

    def begin(self, package: str) -> None:
        """One more, which has its turn from now on."""
        began = time.monotonic()
        self._device.start(package)
        self._longest_start_s = max(self._longest_start_s, time.monotonic() - began)
        self._look(package)

    def round(self) -> None:
        """Each once. Raises GuestError when one was not there any more."""
        rest_s = max(0.0, (1 - PACE) * self._every_s)
        missing_s = max(0.0, STARTS * self._longest_start_s - rest_s)
        turn_s = (PACE * self._every_s - missing_s) / len(self._verified)
        for package in list(self._verified):
            began = time.monotonic()
            if self._device.start(package).cold:
                raise GuestError(f"{package} had been killed", where=self._guest.name)
            self._look(package)
            time.sleep(max(0.0, began + turn_s - time.monotonic()))

    def _look(self, package: str) -> None:
        now = time.monotonic()
        # To the end, so that whoever was longest unused is the first.
        before = self._verified.pop(package, now)
        self._verified[package] = now
        self.longest_s = max(self.longest_s, now - before)
        if self._controlled:
            self.most_held = max(self.most_held, self._guest.controller.stats().held)
