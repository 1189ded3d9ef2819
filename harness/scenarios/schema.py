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
from harness.scenarios.actions import (
    Compress,
    Exec,
    Expect,
    Fill,
    GuestCompress,
    GuestRestore,
    Qmp,
    Restore,
    Sample,
    Sweep,
    Verify,
)
from harness.scenarios.appsteps import (
    AppsAlive,
    AppsBurst,
    AppsChurn,
    AppsIdle,
    AppsLaunch,
    AppsSwitch,
)
from harness.scenarios.compared import (
    BootStorm,
    Hosted,
    IdleNeighbour,
    MinimumMemory,
    PressureStorm,
    Squeeze,
)
from harness.scenarios.measured import (
    Alternate,
    Density,
    Dependents,
    IdleOverhead,
    Latency,
    Pressure,
    Profile,
    RoundTrips,
    Scan,
    Stretch,
    Victims,
)
from harness.scenarios.model import Model

SHIPPED = Path(__file__).parent / "shipped"


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
