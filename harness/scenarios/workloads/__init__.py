# SPDX-License-Identifier: GPL-2.0-or-later
"""Work that runs inside guests: seeded, the same each time, verified against what the host knows.

A scenario uses a workload like this::

    setup = Setup(seed=ctx.seed, mib=24, corpus=ctx.corpus)
    with running(workload("memload"), guest, setup, prefix=technique.prefix) as work:
        took = work.work()             # the same work every time it is called
        ctx.folder.metric("work_s", took.seconds, "s", workload=work.name, technique=..., ram=60)
        ctx.verified += work.verify()  # ScenarioFailed when a byte is not what it must be

``took.seconds`` is guest time by the architected counter (instructions on the deterministic
profile), ``took.latency`` a histogram of single accesses in ticks where there is one
(``took.record_latency(ctx.folder, "access_ns", workload=...)``). A workload that the guest's
killer took raises GuestError.

To add one: a class with ``name`` and ``start``, and its line in ``WORKLOADS``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.errors import UsageError
from harness.report.run import Scalar
from harness.scenarios.content import ContentClass
from harness.scenarios.workloads.base import Result, Running, Setup, Workload, running
from harness.scenarios.workloads.lua import Lua
from harness.scenarios.workloads.memload import Memload, Pattern
from harness.scenarios.workloads.sqlite import Sqlite
from harness.scenarios.workloads.stress import StressNg
from harness.scenarios.workloads.text import Text
from harness.scenarios.workloads.valkey import Valkey

__all__ = [
    "WORKLOADS",
    "Memload",
    "Pattern",
    "Result",
    "Running",
    "Setup",
    "Workload",
    "running",
    "settings_of",
    "workload",
]

_ALL: tuple[Workload, ...] = (
    Memload(),
    Memload(content=ContentClass.RANDOM, called="memload-incompressible"),
    *(Memload(pattern=pattern) for pattern in Pattern),
    Lua(),
    Sqlite(),
    Valkey(),
    StressNg(),
    Text(),
)
WORKLOADS: Mapping[str, Workload] = {one.name: one for one in _ALL}


def workload(name: str) -> Workload:
    """The workload of that name. Raises UsageError for any other."""
    if name not in WORKLOADS:
        raise UsageError(f"no workload {name!r}", hint=f"one of {', '.join(WORKLOADS)}")
    return WORKLOADS[name]


def settings_of(chosen: Iterable[Workload], guest: str) -> dict[str, Scalar]:
    """Keys of the profile that these workloads need for a guest, all together."""
    settings: dict[str, Scalar] = {}
    for one in chosen:
        settings |= one.settings(guest)
    return settings
