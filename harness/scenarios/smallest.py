# SPDX-License-Identifier: GPL-2.0-or-later
"""The paper's Table 1: the smallest memory in which a guest boots and serves.

Three ways: on the board itself, as a domain of Xen, and as a domain with compression, whose memory
is what it may hold of the host's frames, store and tables included, from when it has booted with
its nominal memory. Serving is answering, and then holding content that is compared with the host's:
a MiB of memload's pages, or the heap of an application.
"""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class Served:
    """A guest that served. Frames of the host that it held, pages that had none of their own,
    pages that were compressed since it began; all 0 without a controller."""

    held: int = 0
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
    for mode in step.modes:
        _one_mode(ctx, step, mode, str(guests[step.guest]["kind"]))


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
        with _guest(ctx, step, mode, mib) as guest:
            _serve(ctx, guest, kind)
            served = Served()
            if mode == "compressed":
                stats = guest.controller.stats()
                served = Served(stats.held, stats.compressed, stats.committed)
    except (GuestError, MachineError, TransientError) as error:
        _tell(ctx, step, mode, mib, serves=False, why=error.message)
        return None
    fits = served.held <= mib * PAGES_PER_MIB * (1 + SLICE_TOLERANCE)
    why = "" if fits else f"held {served.held} frames"
    _tell(ctx, step, mode, mib, serves=fits, why=why, held=served.held)
    return served if fits else None


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


def _serve(ctx: Context, guest: Guest, kind: str) -> None:
    """Have it hold known content, and look. Raises ScenarioFailed when that is not as it was."""
    if kind == "android":
        device = Device(guest.name, guest.shell)
        device.start(device.packages()[0])
        if len(device.verify()) != 1:
            raise GuestError("its application did not verify its heap", where=guest.name)
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
    load.verify(ctx.seed)
    load.stop()
