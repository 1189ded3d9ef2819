# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a scenario: each profile is booted in turn, runs all steps, and is put away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ScenarioFailed, UsageError
from harness.report.books import GuestBooks
from harness.report.run import RunState, Scalar
from harness.report.runfolder import RunFolder
from harness.scenarios.bed import Bed, Guest
from harness.scenarios.content import Corpus
from harness.scenarios.context import Context
from harness.scenarios.needs import check_sizes, needed_settings
from harness.scenarios.sampler import Sampler
from harness.scenarios.schema import Scenario
from harness.scenarios.steps import run_step

# Opens the testbed of a profile with these overrides of its keys.
BedOpener = Callable[[str, Mapping[str, Scalar]], AbstractContextManager[Bed]]

HISTOGRAMS = ("restore_lzo", "restore_same", "restore_bulk", "compress", "decode", "encode")
SHOWN = ("restore_lzo", "restore_same", "compress")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run leaves for the one who started it."""

    folder: Path
    state: RunState
    books: tuple[GuestBooks, ...]
    free_before_kib: float
    free_after_kib: float


def run_scenario(
    scenario: Scenario, folder: RunFolder, *, seed: int, open_bed: BedOpener
) -> Outcome:
    """Run all profiles of a scenario into a run folder.

    Returns the outcome with the last profile's numbers for the table.

    Raises what a step or the testbed raised; the folder then says failed, with the first error.
    A run in which the controller did nothing is marked inactive: it is not a result.
    """
    outcome = Outcome(folder.path, RunState.PARTIAL, (), 0.0, 0.0)
    active = True
    with folder:
        trips = 0
        for profile in scenario.profiles:
            settings = needed_settings(scenario, profile) | scenario.settings
            check_sizes(scenario, profile, settings)
            with open_bed(profile, settings) as bed:
                ctx = _context(scenario, folder, bed, profile, seed)
                outcome = _run_steps(scenario, ctx)
                active = active and ctx.active
                trips += ctx.trips
        folder.describe(dimensions={"profiles": ",".join(scenario.profiles)})
        if trips:
            folder.metric("roundtrips_verified", trips, "pages")
        state = RunState.PASSED if active else RunState.INACTIVE
        folder.finish(state)
    if not active:
        raise ScenarioFailed(
            "the controller compressed nothing: not a result",
            where=str(folder.path),
            hint="harness stats; is the controller enabled in this profile?",
        )
    return Outcome(
        folder.path, state, outcome.books, outcome.free_before_kib, outcome.free_after_kib
    )


def _context(scenario: Scenario, folder: RunFolder, bed: Bed, profile: str, seed: int) -> Context:
    dimensions, hashes = bed.describe()
    # Profiles differ in these, so they carry the profile's name where there are several.
    prefix = f"{profile}." if len(scenario.profiles) > 1 else ""
    folder.describe(
        dimensions={f"{prefix}{key}": value for key, value in dimensions.items()},
        hashes=hashes,
        config={profile: bed.config},
    )
    return Context(
        bed=bed,
        folder=folder,
        profile=profile,
        seed=seed,
        corpus=Corpus.load(bed.corpus_dir),
        guests=_guests(scenario, bed, profile),
        share=1 / len(scenario.profiles),
    )


def _guests(scenario: Scenario, bed: Bed, profile: str) -> list[Guest]:
    names = scenario.guests or tuple(bed.guests)
    for name in names:
        if name not in bed.guests:
            raise UsageError(
                f"profile {profile} has no guest {name}",
                where=f"scenario {scenario.name}, key guests",
                hint=f"it has {', '.join(bed.guests)}",
            )
    return [bed.guests[name] for name in names]


def _run_steps(scenario: Scenario, ctx: Context) -> Outcome:
    try:
        with _sampling(scenario, ctx):
            return _steps(scenario, ctx)
    finally:
        ctx.folder.add_testbed(
            ctx.profile,
            started_s=ctx.bed.started_s,
            events=ctx.bed.events,
            logs=ctx.bed.consoles(),
        )


@contextmanager
def _sampling(scenario: Scenario, ctx: Context) -> Iterator[None]:
    """Sample by the clock, and end the steps when the books do not balance."""
    ctx.bed.supervise(check=lambda: None, tell=ctx.folder.event)
    counting = ctx.bed.describe()[0].get("icount", "off") != "off"
    if counting or not scenario.sample_s:
        yield
        return

    def evidence() -> None:
        # Xen prints every domain's books on its console.
        ctx.bed.dom0().run("xl debug-keys y", timeout_s=60)

    with ctx.bed.observing() as observer:
        sampler = Sampler(
            observer,
            ctx.folder,
            profile=ctx.profile,
            every_s=scenario.sample_s,
            evidence=evidence,
        )
        ctx.bed.supervise(check=sampler.check, tell=ctx.folder.event)
        ctx.check = sampler.check
        sampler.start()
        try:
            yield
            sampler.stop(last=True)
        finally:
            ctx.bed.supervise(check=lambda: None, tell=lambda kind, **fields: None)
            sampler.stop()
        # Only where nothing else has: the first failure is the one to tell.
        sampler.check()


def _steps(scenario: Scenario, ctx: Context) -> Outcome:
    before = ctx.sample("start")
    for step in scenario.steps:
        ctx.check()
        run_step(ctx, step)
    last = ctx.sample("end")
    shown = ctx.samples.get("compressed", last)
    books = tuple(
        GuestBooks(
            guest.name,
            shown[guest.name],
            last[guest.name].restores,
            ctx.verified.get(guest.name, 0),
            _latency(ctx, guest, last[guest.name].ticks_khz),
        )
        for guest in ctx.guests
    )
    for load in ctx.loads.values():
        load.stop()
    return Outcome(ctx.folder.path, RunState.PARTIAL, books, _free_kib(before), _free_kib(shown))


def _free_kib(sample: Mapping[str, object]) -> float:
    # Every domain reports the same host; the last one read is the latest.
    free = [getattr(stats, "host_free", 0) for stats in sample.values()]
    return free[-1] * 4.0 if free else 0.0


def _latency(ctx: Context, guest: Guest, ticks_khz: int) -> dict[str, tuple[float, float]]:
    """Quantiles for the table, in microseconds; the whole distributions go into the folder."""
    result = {}
    for name in HISTOGRAMS:
        histogram = guest.controller.histogram(name)
        if not histogram.count:
            continue
        labels = {"guest": guest.name, "profile": ctx.profile, "technique": "mem-compress"}
        # On the deterministic profile a nanosecond is an instruction.
        ctx.folder.histogram(name, histogram, "ns", scale=1e6 / ticks_khz, **labels)
        p50, p99 = histogram.quantile(0.5), histogram.quantile(0.99)
        if name in SHOWN and p50 is not None and p99 is not None:
            result[name] = (p50 * 1e3 / ticks_khz, p99 * 1e3 / ticks_khz)
    return result
