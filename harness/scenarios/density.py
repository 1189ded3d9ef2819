# SPDX-License-Identifier: GPL-2.0-or-later
"""How much of the store is content: when it was filled, and after churn.

Churn: each page was rewritten and compressed again at least five times, in random order. The pages
go in slices, so that old objects leave holes among those that stay. Nothing is compacted for the
measurement: the controller does that by itself, or not.
"""

from __future__ import annotations

import itertools

from harness.errors import ScenarioFailed
from harness.report.books import meta_bytes_per_page, store_density
from harness.scenarios import measured
from harness.scenarios.bed import Guest
from harness.scenarios.context import Context
from harness.scenarios.load import Load, outlast_back_off

# A pool of a few pages says nothing about density.
MIN_POOL_PAGES = 256


def measure_density(ctx: Context, step: measured.Density) -> None:
    """Record store_density, store_density_churn and meta_bytes_per_page of each guest.

    Raises ScenarioFailed when a store is too small to tell, or content is not what it must be.
    """
    for guest in ctx.guests:
        load = Load.start(
            guest,
            name="density",
            content=step.content,
            seed=ctx.seed,
            pages=step.pages,
            corpus=ctx.corpus,
        )
        load.fill(ctx.next_cycle())
        outlast_back_off(guest)
        guest.controller.compress()
        _record(ctx, guest, "store_density")
        for number in range(step.rounds):
            _churn(ctx, load, step.slices, ctx.seed + number)
        _record(ctx, guest, "store_density_churn")
        load.verify(ctx.seed)
        ctx.verified[guest.name] = ctx.verified.get(guest.name, 0) + load.count
        load.stop()


def _churn(ctx: Context, load: Load, slices: int, seed: int) -> None:
    """Every page gets new content, and is compressed again, a slice of them at a time."""
    cycle = ctx.next_cycle()
    bounds = [load.count * n // slices for n in range(slices + 1)]
    for start, end in itertools.pairwise(bounds):
        load.refill(cycle, seed, start, end)
        load.guest.controller.compress()
    load.refilled(cycle)


def _record(ctx: Context, guest: Guest, figure: str) -> None:
    stats = ctx.sample(figure)[guest.name]
    labels = {"guest": guest.name, "profile": ctx.profile}
    density = store_density(stats)
    if density is None or stats.store_pages < MIN_POOL_PAGES:
        raise ScenarioFailed(
            f"a store of {stats.store_pages} pages says nothing about density",
            where=f"{guest.name}, profile {ctx.profile}",
            hint=f"more pages: at least {MIN_POOL_PAGES} are wanted",
        )
    ctx.folder.metric(figure, density, "ratio", store_pages=stats.store_pages, **labels)
    ctx.folder.metric("objects_moved", stats.moved, "objects", sample=figure, **labels)
    if figure == "store_density":
        per_page = meta_bytes_per_page(stats, guest.controller.classes())
        ctx.folder.metric("meta_bytes_per_page", per_page, "bytes", **labels)
