# SPDX-License-Identifier: GPL-2.0-or-later
"""The paper's Table 1: the smallest memory in which a guest boots and serves.

Three ways: on the board itself, as a domain of Xen, and as a domain with compression, whose memory
is what it may hold of the host's frames, store and tables included, from when it has booted with
its nominal memory. Serving is answering, and then holding content that is compared with the host's:
a MiB of memload's pages, or the heap of an application.

Unless Xen keeps a guest to its slice (``compress.max_held``) that is soft: who starts something
holds more for a moment, and has some seconds to come back to it. So with compression a guest
serves, comes back, serves again, and has to come back once more; what it held at most meanwhile is
recorded, too.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from harness.errors import GuestError, MachineError, ScenarioFailed, TransientError, UsageError
from harness.report.run import Scalar
from harness.scenarios.apps import Device
from harness.scenarios.bed import Guest
from harness.scenarios.compared import MinimumMemory, Mode
from harness.scenarios.content import ContentClass
from harness.scenarios.context import Context
from harness.scenarios.load import Load

SERVED_PAGES = 256
PAGES_PER_MIB = 256
# While pages come back and older ones are on their way out.
SLICE_TOLERANCE = 0.02
# The guest's driver looks five times a second, and after ten looks takes what is in use, too.
SETTLE_S = 20.0
LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Served:
    """A guest that served. Frames of the host that it held in the end, and at most of the times
    that it was looked at; pages that had none of their own, pages that were compressed since it
    began; all 0 without a controller."""

    held: int = 0
    peak: int = 0
    compressed: int = 0
    committed: int = 0


def bisect(low: int, high: int, step: int, serves: Callable[[int], bool]) -> tuple[int, int] | None:
    """The smallest that serves and the largest that does not, not more than ``step`` apart.

    low is taken not to serve, high is tried first: None when it does not. That more is never
    worse is assumed.
    """
    if not serves(high):
        return None
    while high - low > step:
        middle = (low + high) // 2
        if serves(middle):
            high = middle
        else:
            low = middle
    return high, low


def minimum_memory(ctx: Context, step: MinimumMemory) -> None:
    """Record ``minimum_memory`` of a guest in each mode.

    Raises ScenarioFailed when the guest does not serve even with ``high_mib``, or still with all
    but ``low_mib``, or without anything compressed; UsageError for a guest that the profile lacks.
    """
    guests: Mapping[str, Mapping[str, object]] = ctx.bed.config["guests"]
    if step.guest not in guests:
        raise UsageError(
            f"profile {ctx.profile} has no guest {step.guest}",
            where="step minimum-memory, key guest",
            hint=f"it has {', '.join(guests)}",
        )
    _describe(ctx, step)
    for mode in step.modes:
        _one_mode(ctx, step, mode, str(guests[step.guest]["kind"]))


def _describe(ctx: Context, step: MinimumMemory) -> None:
    """Which guest is measured: that of the scenario's own testbed may be another."""
    dimensions, hashes = ctx.bed.describe(step.guest)
    own = {key: value for key, value in dimensions.items() if key.startswith(f"{step.guest}_")}
    own[f"{step.guest}_mib"] = step.nominal_mib
    ctx.folder.describe(dimensions=own, hashes=hashes)


def _one_mode(ctx: Context, step: MinimumMemory, mode: Mode, kind: str) -> None:
    served: dict[int, Served] = {}
    refused: set[int] = {step.low_mib}

    def serves(mib: int) -> bool:
        try:
            found = _try(ctx, step, mode, kind, mib)
        except UsageError as error:
            if not error.where.endswith(f"guests.{step.guest}.memory_mib"):
                raise
            # No profile may say so little: that is nothing that was seen.
            refused.add(mib)
            _tell(ctx, step, mode, mib, serves=False, why=error.message)
            return False
        if found is not None:
            served[mib] = found
        return found is not None

    found = bisect(step.low_mib, step.high_mib, step.step_mib, serves)
    where = f"{step.guest}, {mode}, profile {ctx.profile}"
    if found is None:
        raise ScenarioFailed(f"it does not serve in {step.high_mib} MiB", where=where)
    smallest, largest_not = found
    if largest_not in refused:
        raise ScenarioFailed(
            f"it serves in {smallest} MiB, and with less nothing was tried",
            where=where,
            hint="a smaller low_mib; what a profile may say is in harness/config/budget.py",
        )
    labels: dict[str, Scalar] = {"guest": step.guest, "mode": mode, "profile": ctx.profile}
    labels |= {"step_mib": step.step_mib}
    if mode == "compressed":
        last = served[smallest]
        if not last.committed:
            raise ScenarioFailed("it served, and nothing was compressed", where=where)
        labels |= {"nominal_mib": step.nominal_mib, "technique": "mem-compress"}
        ctx.folder.metric("minimum_memory_held", last.held, "pages", **labels)
        ctx.folder.metric("minimum_memory_peak", last.peak, "pages", **labels)
        ctx.folder.metric("minimum_memory_compressed", last.compressed, "pages", **labels)
        ctx.folder.metric("technique_count", last.committed, "pages", **labels)
    else:
        labels |= {"technique": "none"}
    ctx.folder.metric("minimum_memory", smallest, "MiB", **labels)
    # Two of the three ways have no controller, and the result is one all the same.
    ctx.active = True


def _try(ctx: Context, step: MinimumMemory, mode: Mode, kind: str, mib: int) -> Served | None:
    """What came of it; None when it did not boot or serve, which an event tells."""
    try:
        with _guest(ctx, step, mode, mib) as guest, _serving(ctx, guest, kind) as verify:
            verify()
            served = Served()
            if mode == "compressed":
                served = _come_back(guest, mib, verify)
    except (GuestError, MachineError, TransientError) as error:
        _tell(ctx, step, mode, mib, serves=False, why=error.message)
        return None
    _tell(ctx, step, mode, mib, serves=True, held=served.held, peak=served.peak)
    return served


def _come_back(guest: Guest, mib: int, verify: Callable[[], object]) -> Served:
    """Have it serve once more, and wait both times until it holds no more than its slice.

    Raises GuestError when that takes longer than SETTLE_S.
    """
    limit = math.floor(mib * PAGES_PER_MIB * (1 + SLICE_TOLERANCE))
    peak = _settle(guest, limit)
    verify()
    peak = max(peak, _settle(guest, limit))
    stats = guest.controller.stats()
    return Served(stats.held, max(peak, stats.held), stats.compressed, stats.committed)


def _settle(guest: Guest, limit: int) -> int:
    """Wait until it holds no more than so many frames; the most that it was seen to hold."""
    peak = held = guest.controller.stats().held
    deadline = time.monotonic() + SETTLE_S
    while held > limit:
        if time.monotonic() >= deadline:
            raise GuestError(
                f"held {held} frames after {SETTLE_S:g} s in a slice of {limit}", where=guest.name
            )
        time.sleep(LOOK_S)
        held = guest.controller.stats().held
        peak = max(peak, held)
    return peak


def _tell(ctx: Context, step: MinimumMemory, mode: Mode, mib: int, **what: Scalar) -> None:
    ctx.folder.event("probe", guest=step.guest, mode=mode, memory_mib=mib, **what)


@contextmanager
def _guest(ctx: Context, step: MinimumMemory, mode: Mode, mib: int) -> Iterator[Guest]:
    own = f"guests.{step.guest}"
    settings: dict[str, Scalar] = {
        f"guests.{name}.enabled": name == step.guest for name in ctx.bed.config["guests"]
    }
    compressed = mode == "compressed"
    settings |= {
        f"{own}.memory_mib": step.nominal_mib if compressed else mib,
        f"{own}.start": True,
        f"{own}.slice_mib": 0,
        f"{own}.compress.enabled": compressed,
    }
    if mode == "native":
        with ctx.bed.alone(step.guest, settings) as guest:
            yield guest
    else:
        with ctx.bed.beside(settings) as guests:
            guest = guests[step.guest]
            if compressed:
                # Not before: its balloon would take what it boots with, and nobody can ask for
                # compression yet.
                guest.set_slice(mib)
            yield guest


@contextmanager
def _serving(ctx: Context, guest: Guest, kind: str) -> Iterator[Callable[[], object]]:
    """Have it hold known content; yields what looks at all of it.

    That raises ScenarioFailed when content is not as it was.
    """
    if kind == "android":
        device = Device(guest.name, guest.shell)
        device.start(device.packages()[0])

        def verify() -> None:
            if len(device.verify()) != 1:
                raise GuestError("its application did not verify its heap", where=guest.name)

        yield verify
        return
    load = Load.start(
        guest,
        name="serves",
        content=ContentClass.TEXT,
        seed=ctx.seed,
        pages=SERVED_PAGES,
        corpus=ctx.corpus,
    )
    load.fill(1)
    yield lambda: load.verify(ctx.seed)
    load.stop()
