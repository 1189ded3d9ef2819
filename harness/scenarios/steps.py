# SPDX-License-Identifier: GPL-2.0-or-later
"""The small steps: each says what it does to every guest of the run, in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.errors import GuestError, ScenarioFailed, UsageError
from harness.progress import step as progress
from harness.report.books import gained_by_lzo_kib
from harness.scenarios import actions, android, appsteps, compared, measured, schema
from harness.scenarios.alive import compare_alive
from harness.scenarios.content import ContentClass
from harness.scenarios.context import Context
from harness.scenarios.density import measure_density
from harness.scenarios.dependents import dependents
from harness.scenarios.heaps import alternate
from harness.scenarios.hosted import host
from harness.scenarios.latency import measure_latency
from harness.scenarios.load import Load, driver_request
from harness.scenarios.neighbours import idle_neighbour
from harness.scenarios.overhead import measure_overhead
from harness.scenarios.pressure import record_pressure
from harness.scenarios.profile import profile
from harness.scenarios.roundtrip import round_trips
from harness.scenarios.scan import compare_scans
from harness.scenarios.smallest import minimum_memory
from harness.scenarios.squeeze import squeeze
from harness.scenarios.storms import boot_storm, pressure_storm
from harness.scenarios.stretch import measure_stretch
from harness.scenarios.victims import victims


def _fill(ctx: Context, step: actions.Fill) -> None:
    for guest in ctx.guests:
        if guest.name not in ctx.loads:
            ctx.loads[guest.name] = Load.start(
                guest,
                name="scenario",
                content=step.content,
                seed=ctx.seed,
                pages=step.pages_of.get(guest.name, step.pages),
                corpus=ctx.corpus,
            )
    cycle = ctx.next_cycle()
    for load in ctx.loads.values():
        load.fill(cycle)


def _ask(ctx: Context, verb: str, who: str) -> None:
    for guest in ctx.guests:
        driver_request(guest, verb, "all" if who == "all" else str(_load(ctx, guest.name).pid))


def _guest_compress(ctx: Context, step: actions.GuestCompress) -> None:
    _ask(ctx, "compress", step.who)


def _guest_restore(ctx: Context, step: actions.GuestRestore) -> None:
    _ask(ctx, "restore", step.who)


def _compress(ctx: Context, step: actions.Compress) -> None:
    for guest in ctx.guests:
        done = guest.controller.compress(min_age=step.min_age)
        ctx.folder.event("compressed", guest=guest.name, pages=done)


def _restore(ctx: Context, step: actions.Restore) -> None:
    for guest in ctx.guests:
        done = guest.controller.restore()
        ctx.folder.event("restored", guest=guest.name, pages=done)


def _sweep(ctx: Context, step: actions.Sweep) -> None:
    for guest in ctx.guests:
        for _ in range(step.times):
            guest.controller.sweep()


def _verify(ctx: Context, step: actions.Verify) -> None:
    for guest in ctx.guests:
        load = _load(ctx, guest.name)
        order = ctx.seed + ctx.next_cycle()
        # Functions first: a page that was read as data is no instruction fetch any more.
        if load.content in (ContentClass.MIX, ContentClass.EXEC):
            load.verify_exec(order)
        done = load.verify(order)
        ctx.verified[guest.name] = ctx.verified.get(guest.name, 0) + done
        ctx.folder.metric("verified", done, "pages", guest=guest.name, profile=ctx.profile)


def _sample(ctx: Context, step: actions.Sample) -> None:
    ctx.sample(step.name, figures=step.figures)


def _expect(ctx: Context, step: actions.Expect) -> None:
    if not ctx.samples:
        raise UsageError("the scenario expects numbers before it took a sample")
    name, last = list(ctx.samples.items())[-1]
    for guest, stats in last.items():
        gained = gained_by_lzo_kib(stats)
        if gained < step.gained_by_lzo_kib or stats.lzo < step.lzo_pages:
            raise ScenarioFailed(
                f"gained {gained} KiB by {stats.lzo} LZO pages, expected"
                f" {step.gained_by_lzo_kib} KiB and {step.lzo_pages} pages",
                where=f"{guest}, sample {name}, profile {ctx.profile}",
            )


def _qmp(ctx: Context, step: actions.Qmp) -> None:
    answer = ctx.bed.qmp(step.command, step.arguments)
    ctx.folder.event("qmp", command=step.command, answer=answer)


def _exec(ctx: Context, step: actions.Exec) -> None:
    if step.machine == "dom0":
        shell = ctx.bed.dom0()
    elif step.machine in ctx.bed.guests:
        shell = ctx.bed.guests[step.machine].shell
    else:
        known = ", ".join(["dom0", *ctx.bed.guests])
        raise UsageError(f"no machine {step.machine}", where="step exec", hint=f"one of {known}")
    done = shell.run(step.command, timeout_s=step.timeout_s)
    ctx.folder.event("exec", machine=step.machine, command=step.command, status=done.status)
    if done.status:
        words = done.stderr.decode(errors="replace").splitlines()
        raise GuestError(
            f"command ended with status {done.status}",
            where=f"{step.machine}: {step.command}",
            context=words[-20:],
        )


def _load(ctx: Context, guest: str) -> Load:
    if guest not in ctx.loads:
        raise UsageError("this step needs a fill step before it", where=guest)
    return ctx.loads[guest]


_STEPS: dict[type[Any], Callable[[Context, Any], None]] = {
    actions.Fill: _fill,
    actions.GuestCompress: _guest_compress,
    actions.GuestRestore: _guest_restore,
    actions.Compress: _compress,
    actions.Restore: _restore,
    actions.Sweep: _sweep,
    actions.Verify: _verify,
    actions.Sample: _sample,
    measured.Pressure: record_pressure,
    measured.Alternate: alternate,
    measured.Dependents: dependents,
    actions.Expect: _expect,
    actions.Qmp: _qmp,
    actions.Exec: _exec,
    measured.RoundTrips: round_trips,
    measured.Victims: victims,
    measured.Latency: measure_latency,
    measured.Density: measure_density,
    measured.Profile: profile,
    measured.Scan: compare_scans,
    measured.IdleOverhead: measure_overhead,
    measured.Stretch: measure_stretch,
    appsteps.AppsLaunch: android.launch,
    appsteps.AppsSwitch: android.switch,
    appsteps.AppsBurst: android.burst,
    appsteps.AppsChurn: android.churn,
    appsteps.AppsIdle: android.idle,
    appsteps.AppsAlive: compare_alive,
    compared.MinimumMemory: minimum_memory,
    compared.Squeeze: squeeze,
    compared.Hosted: host,
    compared.IdleNeighbour: idle_neighbour,
    compared.BootStorm: boot_storm,
    compared.PressureStorm: pressure_storm,
}


def run_step(ctx: Context, step: schema.Step) -> None:
    """Carry out one step, with its start and end as events."""
    ctx.folder.event("step", do=step.do, profile=ctx.profile)
    with progress(f"{ctx.profile}: {step.do}"):
        _STEPS[type(step)](ctx, step)
    ctx.folder.event("step-done", do=step.do, profile=ctx.profile)
