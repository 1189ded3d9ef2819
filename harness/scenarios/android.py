# SPDX-License-Identifier: GPL-2.0-or-later
"""Steps on the Android guest: launch, switch, how many fit, bursts, garbage, and idleness."""

from __future__ import annotations

import time
from collections.abc import Callable

from harness.report.run import Scalar
from harness.scenarios import appsteps
from harness.scenarios.apps import Device
from harness.scenarios.bed import Guest
from harness.scenarios.context import Context
from harness.scenarios.pressure import note_pressure, read_pressure


def each_device(ctx: Context, step: str, act: Callable[[Guest, Device], None]) -> None:
    """Do something with every guest of the run, and record what it says of itself afterwards."""
    for guest in ctx.guests:
        device = Device(guest.name, guest.shell)
        if guest.name not in ctx.kills:
            ctx.kills[guest.name] = len(device.kills())
        act(guest, device)
        record(ctx, guest, device, step=step)


def record(ctx: Context, guest: Guest, device: Device, *, step: str) -> None:
    """Applications alive, who was killed since the last time, who waits for memory, and each one's
    share of it."""
    labels: dict[str, Scalar] = {"guest": guest.name, "profile": ctx.profile, "step": step}
    memory = device.meminfo()
    all_kills = device.kills()
    kills = all_kills[ctx.kills[guest.name] :]
    ctx.kills[guest.name] = len(all_kills)
    ctx.folder.metric("apps_alive", len(memory) - 1, "applications", **labels)
    ctx.folder.metric("lmkd_kills", len(kills), "applications", **labels)
    for kill in kills:
        ctx.folder.event("lmkd-kill", guest=guest.name, pid=kill.pid, adj=kill.adj, step=step)
    for process in memory:
        own = labels | {"app": process.name, "adj": process.adj}
        ctx.folder.metric("app_pss", process.pss_kib, "KiB", **own)
        ctx.folder.metric("app_private_dirty", process.dirty_kib, "KiB", **own)
    note_pressure(ctx.folder, read_pressure(guest).document(), labels)


def launch(ctx: Context, step: appsteps.AppsLaunch) -> None:
    """Cold starts, none running before: ``launch_ms`` of each."""

    def act(guest: Guest, device: Device) -> None:
        device.stop()
        for package in device.packages()[: step.count]:
            _start(ctx, guest, device, package)

    each_device(ctx, step.do, act)


def switch(ctx: Context, step: appsteps.AppsSwitch) -> None:
    """Bring each of ``among`` to the front in turn: the one that was longest unused, every time.

    ``switch_ms`` of each that ran; ``wake_ms`` and ``wake_restores`` where it was compressed.
    """

    def act(guest: Guest, device: Device) -> None:
        packages = device.packages()[: step.among]
        for _ in range(step.rounds):
            for package in packages:
                if step.compressed:
                    _wake(ctx, guest, device, package)
                else:
                    _start(ctx, guest, device, package)

    each_device(ctx, step.do, act)


def burst(ctx: Context, step: appsteps.AppsBurst) -> None:
    """The application in front wants much at once: how long that takes, who survives it."""

    def act(guest: Guest, device: Device) -> None:
        before = len(device.stack())
        took_ms = _timed(lambda: device.front(f"burst {step.kib}"))
        labels: dict[str, Scalar] = {"guest": guest.name, "profile": ctx.profile, "kib": step.kib}
        ctx.folder.metric("burst_ms", took_ms, "ms", **labels)
        ctx.folder.metric("burst_survivors", len(device.stack()) / before, "ratio", **labels)

    each_device(ctx, step.do, act)


def churn(ctx: Context, step: appsteps.AppsChurn) -> None:
    """The application in front makes garbage as fast as it can: blocks of it a second."""

    def act(guest: Guest, device: Device) -> None:
        said = device.front(f"churn {step.seconds}")
        blocks = int(said.partition("blocks=")[2].split()[0])
        labels: dict[str, Scalar] = {"guest": guest.name, "profile": ctx.profile}
        ctx.folder.metric("churn_blocks", blocks / step.seconds, "blocks/s", **labels)

    each_device(ctx, step.do, act)


def idle(ctx: Context, step: appsteps.AppsIdle) -> None:
    """Nobody does anything; afterwards every heap is whole."""

    def act(guest: Guest, device: Device) -> None:
        time.sleep(step.seconds)
        took_ms = _timed(device.verify)
        ctx.folder.metric("verify_ms", took_ms, "ms", guest=guest.name, profile=ctx.profile)

    each_device(ctx, step.do, act)


def _start(
    ctx: Context, guest: Guest, device: Device, package: str, *, warm: str = "switch_ms"
) -> None:
    started = device.start(package)
    labels: dict[str, Scalar] = {"guest": guest.name, "profile": ctx.profile, "app": package}
    ctx.folder.metric("launch_ms" if started.cold else warm, started.ms, "ms", **labels)


def _wake(ctx: Context, guest: Guest, device: Device, package: str) -> None:
    """Bring one to the front when all that is idle has been compressed."""
    guest.controller.compress()
    before = sum(guest.controller.stats().restores.values())
    _start(ctx, guest, device, package, warm="wake_ms")
    restores = sum(guest.controller.stats().restores.values()) - before
    labels: dict[str, Scalar] = {"guest": guest.name, "profile": ctx.profile, "app": package}
    ctx.folder.metric("wake_restores", restores, "pages", **labels)


def _timed(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return (time.monotonic() - began) * 1000
