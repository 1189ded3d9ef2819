# SPDX-License-Identifier: GPL-2.0-or-later
"""The schema of steps that hold techniques, or ways to run a guest, against each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from harness.scenarios.model import Model


def _technique(name: str) -> str:
    # Only here: techniques work on guests, and are built upon this module's steps.
    from harness.scenarios.techniques import TECHNIQUES

    return _known(name, "technique", TECHNIQUES)


def _workload(name: str) -> str:
    from harness.scenarios.workloads import WORKLOADS

    return _known(name, "workload", WORKLOADS)


def _known(name: str, what: str, known: Iterable[str]) -> str:
    if name not in known:
        raise ValueError(f"no {what} {name!r}: one of {', '.join(known)}")
    return name


Technique = Annotated[str, AfterValidator(_technique)]
Workload = Annotated[str, AfterValidator(_workload)]
Percent = Annotated[int, Field(ge=10, le=100)]


class Squeeze(Model):
    """The same work with less and less of the guest's memory, by each technique."""

    do: Literal["squeeze"]
    techniques: Annotated[tuple[Technique, ...], Field(min_length=1)]
    workloads: Annotated[tuple[Workload, ...], Field(min_length=1)] = ("memload",)
    ram: Annotated[tuple[Percent, ...], Field(min_length=1)] = (100, 80, 60, 50, 40)
    """Percent of its nominal memory that the guest may hold of the host's frames."""
    mib: Annotated[int, Field(gt=0, le=4096)]
    """What a workload holds, about."""
    work: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """How much it does at a time; 1.0 is some seconds of an emulated processor."""
    repetitions: Annotated[int, Field(gt=0, le=1000)] = 1
    """Every second one in the other order."""
    warm_ups: Annotated[int, Field(ge=0, le=100)] = 1
    """Goes at the work before it rests, until what is in use has found its place."""
    settle_s: Annotated[float, Field(ge=0)] = 20.0
    """So long at most until the guest holds no more than it may; then it wakes."""
    cell_s: Annotated[float, Field(gt=0)] = 180.0
    """So long at most for all that a workload does in a cell: one that only moves pages about
    never ends. Of this machine's seconds; a cell that ends takes 10 to 40 of them."""


class Hosted(Model):
    """As many guests as the board has room for, by technique: VMs that fit."""

    do: Literal["hosted"]
    techniques: Annotated[tuple[Technique, ...], Field(min_length=1)]
    workload: Workload = "memload"
    mib: Annotated[int, Field(gt=0, le=4096)]
    """What the workload of each guest holds, about."""
    work: Annotated[float, Field(gt=0, le=1000)] = 0.1
    verify_every: Annotated[int, Field(gt=0)] = 4
    """So many more guests, and the content of all of them is looked at."""
    settle_s: Annotated[float, Field(ge=0)] = 3.0
    """After a smaller slice was tried, the balloon takes its time."""


class IdleNeighbour(Model):
    """One guest works beside one that is idle and is compressed; then that one wakes."""

    do: Literal["idle-neighbour"]
    workload: Workload = "memload"
    mib: Annotated[int, Field(gt=0, le=4096)]
    work: Annotated[float, Field(gt=0, le=1000)] = 1.0
    sweep_ms: Annotated[int, Field(gt=0, le=3_600_000)] = 1000
    repetitions: Annotated[int, Field(gt=0, le=1000)] = 10


class BootStorm(Model):
    """Many guests boot at once, with the controller and without."""

    do: Literal["boot-storm"]
    count: Annotated[int, Field(gt=0, le=100)]
    repetitions: Annotated[int, Field(gt=0, le=1000)] = 2


class PressureStorm(Model):
    """Guests that hold more together than the board has work all at once."""

    do: Literal["pressure-storm"]
    count: Annotated[int, Field(gt=1, le=100)]
    workload: Workload = "memload"
    mib: Annotated[int, Field(gt=0, le=4096)]
    work: Annotated[float, Field(gt=0, le=1000)] = 0.1
    rounds: Annotated[int, Field(gt=0, le=1000)] = 3
    verify_every: Annotated[int, Field(gt=0)] = 100
    settle_s: Annotated[float, Field(ge=0)] = 3.0


Mode = Literal["native", "virtualized", "compressed"]


class MinimumMemory(Model):
    """Smallest memory in which a guest boots and serves, by bisection: the paper's Table 1."""

    do: Literal["minimum-memory"]
    guest: str
    """One of the profile's, enabled or not; it runs alone."""
    modes: Annotated[tuple[Mode, ...], Field(min_length=1)] = (
        "native",
        "virtualized",
        "compressed",
    )
    """On the board itself; under Xen; under Xen with compression, where what is bisected is the
    slice of the host's frames."""
    low_mib: Annotated[int, Field(ge=1)]
    """Taken not to serve; something above it must be seen not to."""
    high_mib: Annotated[int, Field(le=4096)]
    step_mib: Annotated[int, Field(ge=1)] = 1
    nominal_mib: Annotated[int, Field(le=65536)]
    """Memory that the guest with compression believes to have."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low_mib < self.high_mib <= self.nominal_mib:
            raise ValueError(
                f"low_mib {self.low_mib} < high_mib {self.high_mib} <= nominal_mib"
                f" {self.nominal_mib} does not hold"
            )
        return self
