# SPDX-License-Identifier: GPL-2.0-or-later
"""The schema of steps that are a whole measurement of the controller, or of the driver."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from harness.scenarios.content import ContentClass
from harness.scenarios.model import Model


class Pressure(Model):
    """Record who waits for memory in each guest, and what its driver does, over a time."""

    do: Literal["pressure"]
    samples: int = Field(default=10, ge=1)
    every_s: float = Field(default=1.0, gt=0)


class Alternate(Model):
    """Heaps in a fixed slice, verified in turn, with the guest's driver and without."""

    do: Literal["alternate"]
    content: ContentClass = ContentClass.TEXT
    pages: Annotated[int, Field(gt=0, le=1 << 22)] = 1024
    ratio: Annotated[float, Field(gt=0, le=8)] = 1.5
    rounds: Annotated[int, Field(gt=0)] = 3


class Dependents(Model):
    """A server, its clients, and heaps that fill a fixed slice, with the driver and without."""

    do: Literal["dependents"]
    content: ContentClass = ContentClass.TEXT
    pages: Annotated[int, Field(gt=0, le=1 << 22)] = 1024
    server_pages: Annotated[int, Field(gt=0, le=1 << 22)] = 4096
    clients: Annotated[int, Field(gt=0, le=64)] = 3
    more: Annotated[int, Field(ge=0)] = 2
    """Heaps with the driver on top of those that live without it."""


class RoundTrips(Model):
    """Fill with new content, then compress, read back shuffled and compare ``rounds`` times.

    And again, until ``total`` is reached. What kind of round it is goes by its number modulo 12: a
    number of rounds without a factor in common with it has every kind meet fresh content.
    """

    do: Literal["round-trips"]
    total: Annotated[int, Field(gt=0)] = 1_000_000
    rounds: Annotated[int, Field(gt=0, le=1000)] = 7
    pages: Annotated[int, Field(gt=0, le=1 << 22)] = 11_000
    min_share: Annotated[float, Field(ge=0, le=1)] = 0.10
    min_gfns: Annotated[int, Field(ge=0)] = 10_000


class Victims(Model):
    """Touch a random half, compress what is old, and see which half the victims were from."""

    do: Literal["victims"]
    content: ContentClass = ContentClass.TEXT
    pages: Annotated[int, Field(gt=0, le=1 << 22)] = 4096
    rounds: Annotated[int, Field(gt=0)] = 3
    bar: Annotated[float, Field(ge=0, le=1)] = 0.95


class Latency(Model):
    """Time compression and restore by class, beside guest zram measured by the same program."""

    do: Literal["latency"]
    pages: Annotated[int, Field(gt=0, le=1 << 22)] = 1024
    rounds: Annotated[int, Field(gt=0)] = 2


class Density(Model):
    """Fill the store, then churn: how much of it is content, and what describes a page."""

    do: Literal["store-density"]
    content: ContentClass = ContentClass.MIX
    pages: Annotated[int, Field(gt=0, le=1 << 22)] = 6144
    rounds: Annotated[int, Field(ge=5)] = 5
    slices: Annotated[int, Field(gt=0)] = 16


class Scan(Model):
    """Pages looked at to compress one: walking a process, and all of the guest's memory."""

    do: Literal["scan"]
    pages: Annotated[int, Field(gt=0, le=1 << 22)] = 2048


class IdleOverhead(Model):
    """Time work beside an idle controller, and on a Xen without one."""

    do: Literal["idle-overhead"]
    pages: Annotated[int, Field(gt=0, le=1 << 22)] = 4096
    rounds: Annotated[int, Field(gt=0)] = 150
    goes: Annotated[int, Field(gt=0)] = 3


class Stretch(Model):
    """Provoke all that takes Xen long; for how long it never looked who wants the processor."""

    do: Literal["stretch"]
    pages: Annotated[int, Field(ge=64, le=1 << 22)] = 6144
    rounds: Annotated[int, Field(gt=0)] = 2
    attack_s: Annotated[int, Field(gt=0)] = 1
    waits: Annotated[int, Field(gt=0)] = 50
    """So often must vCPUs have slept for a frame before reclaim in faults has shown all it has."""
    doomed_mib: Annotated[int, Field(gt=0)] = 64


class Profile(Model):
    """Count Xen's instructions by function while pages are compressed and restored."""

    do: Literal["profile"]
    content: ContentClass = ContentClass.TEXT
    pages: Annotated[int, Field(gt=0, le=4096)] = 128
