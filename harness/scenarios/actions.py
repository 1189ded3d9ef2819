# SPDX-License-Identifier: GPL-2.0-or-later
"""The schema of steps that do one thing to guests, or look at them once."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from harness.scenarios.content import ContentClass
from harness.scenarios.model import Model


class Fill(Model):
    """Start memload in each guest (once) and write seeded content to all of its pages."""

    do: Literal["fill"]
    content: ContentClass = ContentClass.MIX
    pages: Annotated[int, Field(gt=0, le=1 << 22)]
    pages_of: dict[str, Annotated[int, Field(gt=0, le=1 << 22)]] = Field(default_factory=dict)
    """Other numbers for guests that have more or less room."""


class GuestCompress(Model):
    """The guest asks for compression: of memload by its pid, or of all user processes."""

    do: Literal["guest-compress"]
    who: Literal["load", "all"] = "load"


class GuestRestore(Model):
    """The guest asks for bulk restore before it touches."""

    do: Literal["guest-restore"]
    who: Literal["load", "all"] = "load"


class Compress(Model):
    """The controller compresses what is at least ``min_age`` sweeps old, in each guest."""

    do: Literal["compress"]
    min_age: Annotated[int, Field(ge=0, le=15)] = 0


class Restore(Model):
    """The controller restores everything, in each guest."""

    do: Literal["restore"]


class Sweep(Model):
    """Age every page ``times`` times."""

    do: Literal["sweep"]
    times: Annotated[int, Field(gt=0, le=100)] = 1


class Verify(Model):
    """Touch every page, shuffled, and compare with the host's digests; call functions first."""

    do: Literal["verify"]


class Sample(Model):
    """Record every guest's numbers; the table shows the sample named ``compressed``."""

    do: Literal["sample"]
    name: str = "compressed"
    figures: bool = False


class Expect(Model):
    """Fail unless each guest's last sample reached these."""

    do: Literal["expect"]
    gained_by_lzo_kib: int = 0
    lzo_pages: int = 0


class Qmp(Model):
    """A QMP command: stop/cont, hot-plug, throttling, memory dump, snapshot."""

    do: Literal["qmp"]
    command: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class Exec(Model):
    """A shell command that must succeed, in dom0 or in a guest."""

    do: Literal["exec"]
    machine: str
    command: str
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 60.0
