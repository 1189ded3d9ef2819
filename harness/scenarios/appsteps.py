# SPDX-License-Identifier: GPL-2.0-or-later
"""The schema of steps that applications of the Android guest make."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from harness.scenarios.model import Model

Count = Annotated[int, Field(gt=0, le=100)]


class AppsLaunch(Model):
    """Cold-start the first ``count`` of the Android guest's applications, none running before."""

    do: Literal["apps-launch"]
    count: Count = 4


class AppsSwitch(Model):
    """Bring the first ``among`` applications to the front in turn, ``rounds`` times."""

    do: Literal["apps-switch"]
    among: Count = 4
    rounds: Count = 3
    compressed: bool = False
    """All that is idle is compressed before each: what is measured is its wake-up."""


class AppsBurst(Model):
    """The application in front takes so much at once, fills, checks and gives it back."""

    do: Literal["apps-burst"]
    kib: Annotated[int, Field(gt=0, le=1 << 20)] = 32 << 10


class AppsChurn(Model):
    """The application in front makes garbage as fast as it can, then verifies its heap."""

    do: Literal["apps-churn"]
    seconds: Annotated[int, Field(gt=0, le=30)] = 10


class AppsIdle(Model):
    """Nobody does anything for so long; then every heap is verified."""

    do: Literal["apps-idle"]
    seconds: Annotated[int, Field(gt=0, le=600)] = 10


class AppsAlive(Model):
    """Most applications before the first kill: in a slice with compression, and by lmkd alone."""

    do: Literal["apps-alive"]
    slice_mib: Annotated[int, Field(ge=64, le=4096)] = 104
    """Frames that both may hold; the settings give the guest with compression its slice."""
    every_s: Annotated[float, Field(gt=0)] = 30.0
    """Each application verifies its whole heap at least so often, or it does not count."""
    verify_from: Count = 5
    """With fewer nothing is verified: they are known to fit."""
    rounds: Count = 1
    """How often each has its turn before one more is started."""
