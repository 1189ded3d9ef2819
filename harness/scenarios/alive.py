# SPDX-License-Identifier: GPL-2.0-or-later
"""How many applications stay alive in the same frames, with compression and without."""

from __future__ import annotations

import time
from dataclasses import dataclass

from harness.errors import GuestError, ScenarioFailed
from harness.report.run import Scalar
from harness.scenarios import schema
from harness.scenarios.apps import Device
from harness.scenarios.bed import Guest
from harness.scenarios.context import Context

PAGES_PER_MIB = 256
# While pages come back and older ones are on their way out.
SLICE_TOLERANCE = 0.02


@dataclass(frozen=True, slots=True)
class Alive:
    """Applications that were alive together; pass_s: the longest time to verify them all once.

    most_held: frames of the host that the guest cost at most, where it has a controller
    why: it ended
    """

    count: int
    pass_s: float
    most_held: int
    why: str


def compare_alive(ctx: Context, step: schema.AppsAlive) -> None:
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
        ctx.folder.metric("apps_verified_every", found.pass_s, "s", **own)
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


def fill(guest: Guest, step: schema.AppsAlive, *, controlled: bool) -> Alive:
    """Start applications until one is killed, or all cannot be verified in time.

    Those of the last round in which neither happened count.
    """
    device = Device(guest.name, guest.shell)
    device.stop()
    before = device.counts().gone
    count, slowest_s, most = 0, 0.0, 0
    packages = device.packages()
    for number, package in enumerate(packages, start=1):
        try:
            device.start(package)
            passes = 2 if number >= step.verify_from else 0
            took_s = max((_verify_all(device, number) for _ in range(passes)), default=0.0)
        except GuestError as error:
            if device.counts().gone == before:
                raise
            return Alive(count, slowest_s, most, f"lmkd killed at {number}: {error.message}")
        if device.counts().gone != before:
            return Alive(count, slowest_s, most, f"lmkd killed at {number}")
        if took_s > step.every_s:
            return Alive(count, slowest_s, most, f"{number} verified in {took_s:.0f} s")
        if controlled:
            most = max(most, guest.controller.stats().held)
        count, slowest_s = number, max(slowest_s, took_s)
    return Alive(count, slowest_s, most, "no more applications")


def _verify_all(device: Device, count: int) -> float:
    """Seconds from one verification of an application to its next."""
    began = time.monotonic()
    verified = device.verify()
    if len(verified) != count:
        raise GuestError(f"{len(verified)} of {count} applications verified", where="am verify")
    return time.monotonic() - began
