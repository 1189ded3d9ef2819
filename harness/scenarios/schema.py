# SPDX-License-Identifier: GPL-2.0-or-later
"""The schema of scenario files: TOML, validated at the edge, errors with file and key path.

A scenario names profiles (each is booted in turn and runs all steps), overrides of their
settings, the share of content its guests hold, and the steps. ``harness/scenarios/shipped``
holds the ones that come with the harness.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from harness.errors import UsageError
from harness.scenarios.compared import (
    BootStorm,
    Hosted,
    IdleNeighbour,
    MinimumMemory,
    PressureStorm,
    Squeeze,
)
from harness.scenarios.content import ContentClass
from harness.scenarios.model import Model

SHIPPED = Path(__file__).parent / "shipped"


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


Step = Annotated[
    Fill
    | GuestCompress
    | GuestRestore
    | Compress
    | Restore
    | Sweep
    | Verify
    | Sample
    | Pressure
    | Alternate
    | Dependents
    | Expect
    | Qmp
    | Exec
    | RoundTrips
    | Victims
    | Latency
    | Density
    | Scan
    | IdleOverhead
    | Stretch
    | Profile
    | AppsLaunch
    | AppsSwitch
    | AppsBurst
    | AppsChurn
    | AppsIdle
    | AppsAlive
    | MinimumMemory
    | Squeeze
    | Hosted
    | IdleNeighbour
    | BootStorm
    | PressureStorm,
    Field(discriminator="do"),
]


class Scenario(Model):
    """One scenario file."""

    version: Literal[1]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: str
    profiles: Annotated[tuple[str, ...], Field(min_length=1)] = ("default",)
    guests: tuple[str, ...] = ()
    """Which guests the steps are for; empty for all of the profile."""
    settings: dict[str, str | int | bool] = Field(default_factory=dict)
    """Overrides of profile keys, as --set would give them."""
    sample_s: Annotated[float, Field(ge=0, le=3600)] = 5.0
    """Seconds between samples of everybody's memory beside the steps; 0 for none, and there are
    none where instructions are counted."""
    table: bool = False
    """Print the guests' table at the end."""
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]


def shipped_names() -> list[str]:
    """Names of the scenarios that come with the harness."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def load_scenario(name_or_path: str, overrides: Sequence[str] = ()) -> Scenario:
    """Read a scenario by shipped name or by path.

    Args:
        name_or_path: ``roundtrip``, or anything with a slash or ending in .toml.
        overrides: ``STEP.KEY=VALUE`` with STEP a step's ``do`` (all such steps), or
            ``settings.KEY=VALUE`` / ``KEY=VALUE`` for the scenario itself.

    Raises UsageError with file and key path.
    """
    is_path = "/" in name_or_path or name_or_path.endswith(".toml")
    path = Path(name_or_path) if is_path else SHIPPED / f"{name_or_path}.toml"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        hint = f"shipped: {', '.join(shipped_names())}"
        raise UsageError(f"no scenario {name_or_path}", where=str(path), hint=hint) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"scenario cannot be read: {error}", where=str(path)) from error
    for override in overrides:
        _override(document, override)
    try:
        return Scenario.model_validate(document)
    except ValidationError as error:
        raise _wrong(path, error) from error


def _wrong(path: Path, error: ValidationError) -> UsageError:
    """What is wrong with a scenario: a word that nobody knows before what misses for it."""
    found = error.errors()
    # A step that is wrong is none, and a list without steps is no news beside that.
    found = [e for e in found if len(found) == 1 or e["type"] != "too_short"]
    found.sort(key=lambda e: e["type"] != "extra_forbidden")

    def said(e: Any) -> str:
        if e["type"] == "extra_forbidden":
            return f"unknown key {e['loc'][-1]!r}"
        if e["type"] == "union_tag_invalid":
            tags = e["ctx"]["expected_tags"].replace("'", "")
            return f"no step {e['ctx']['tag']!r}: one of {tags}"
        return str(e["msg"]).removeprefix("Value error, ")

    keys = [".".join(str(part) for part in e["loc"]) for e in found]
    context = [f"{key}: {said(e)}" for key, e in list(zip(keys, found, strict=True))[1:10]]
    return UsageError(
        said(found[0]),
        where=f"{path}, key {keys[0]}",
        hint="harness/scenarios/README.md",
        context=context,
    )


def _override(document: dict[str, Any], text: str) -> None:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise UsageError(f"override {text!r} is not KEY=VALUE", where="--set")
    parsed = _value(value)
    head, dot, rest = key.partition(".")
    if not dot:
        document[key] = parsed
        return
    if head == "settings":
        document.setdefault("settings", {})[rest] = parsed
        return
    steps = document.get("steps")
    steps = [s for s in steps if s.get("do") == head] if isinstance(steps, list) else []
    if not steps:
        raise UsageError(f"the scenario has no step {head!r}", where=f"--set {text}")
    for step in steps:
        step[rest] = parsed


def _value(text: str) -> Any:
    # What TOML understands is taken so (numbers, true, lists); the rest is a string.
    try:
        parsed: Mapping[str, Any] = tomllib.loads(f"v = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return parsed["v"]
