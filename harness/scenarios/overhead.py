# SPDX-License-Identifier: GPL-2.0-or-later
"""What an idle controller costs: the same work on a Xen that has it, and on one that has not.

Idle: enabled for the domain, sweeps by the clock, nothing compressed. The work goes over memory
again and again, so that each sweep finds the access flags set, which is the dearest it can be:
where Xen keeps them, each page of it faults once a sweep.
"""

from __future__ import annotations

from statistics import median

import numpy as np

from harness.errors import ScenarioFailed
from harness.report.run import Scalar
from harness.scenarios import measured
from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass
from harness.scenarios.context import Context
from harness.scenarios.load import Load


def measure_overhead(ctx: Context, step: measured.IdleOverhead) -> None:
    """Record idle_overhead of each guest.

    Raises ScenarioFailed when the controller was not there, or not idle.
    """
    with_it, sweeps = {}, {}
    for guest in ctx.guests:
        before = guest.controller.stats()
        with_it[guest.name] = _work(ctx, guest, step)
        after = guest.controller.stats()
        sweeps[guest.name] = after.sweeps - before.sweeps
        where = f"{guest.name}, profile {ctx.profile}"
        if not sweeps[guest.name]:
            raise ScenarioFailed("no sweep went by: not an idle controller, but none", where=where)
        if after.committed != before.committed:
            raise ScenarioFailed("pages were compressed: not an idle controller", where=where)
        ctx.active = True
    with ctx.bed.without_controller() as guests:
        for name, ticks in with_it.items():
            without = _work(ctx, guests[name], step)
            labels: dict[str, Scalar] = {"guest": name, "profile": ctx.profile}
            labels["sweeps"] = sweeps[name]
            ctx.folder.metric("idle_overhead", ticks / without - 1, "ratio", **labels)


def _work(ctx: Context, guest: Guest, step: measured.IdleOverhead) -> float:
    """Ticks that so many rounds over the memory took: the median of several goes."""
    load = Load.start(
        guest,
        name="work",
        content=ContentClass.TEXT,
        seed=ctx.seed,
        pages=step.pages,
        corpus=ctx.corpus,
        threads=1,
    )
    load.fill(1)
    found = [
        int(np.frombuffer(load.ctl("work", step.rounds), dtype=np.uint64)[0])
        for _ in range(step.goes)
    ]
    load.verify()
    load.stop()
    return median(found)
