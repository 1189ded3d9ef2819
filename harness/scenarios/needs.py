# SPDX-License-Identifier: GPL-2.0-or-later
"""What the steps of a scenario need of its profile, and whether that is there."""

from __future__ import annotations

from collections.abc import Mapping

from harness.config import load_profile
from harness.errors import UsageError
from harness.report.run import Scalar
from harness.scenarios.schema import Scenario
from harness.scenarios.techniques import settings_of as of_techniques
from harness.scenarios.techniques import technique
from harness.scenarios.workloads import settings_of as of_workloads
from harness.scenarios.workloads import workload


def needed_settings(scenario: Scenario, profile: str) -> dict[str, Scalar]:
    """Keys of the profile that techniques and workloads of the steps need, for each guest.

    What the scenario itself sets comes before these.
    """
    settings: dict[str, Scalar] = {}
    for step in scenario.steps:
        chosen = [technique(name) for name in getattr(step, "techniques", ())]
        names = (*getattr(step, "workloads", ()), *filter(None, [getattr(step, "workload", "")]))
        if chosen or names:
            for guest in scenario.guests or load_profile(profile).profile.guests:
                settings |= of_techniques(chosen, guest)
                settings |= of_workloads([workload(name) for name in names], guest)
    return settings


def overrides_of(settings: Mapping[str, Scalar]) -> list[str]:
    """Settings as overrides of a profile."""
    return [
        f"{key}={str(value).lower() if isinstance(value, bool) else value}"
        for key, value in settings.items()
    ]


def check_sizes(scenario: Scenario, profile: str, settings: Mapping[str, Scalar]) -> None:
    """Raise UsageError when a workload holds more than the guest that it runs in has."""
    guests = load_profile(profile, overrides=overrides_of(settings)).profile.guests
    for number, step in enumerate(scenario.steps):
        mib = getattr(step, "mib", 0)
        for name in scenario.guests or guests:
            if name in guests and mib >= guests[name].memory_mib:
                raise UsageError(
                    f"a workload of {mib} MiB has no room in {name}, which has"
                    f" {guests[name].memory_mib} MiB",
                    where=f"scenario {scenario.name}, key steps.{number}.mib",
                    hint=f"a smaller one, or settings: guests.{name}.memory_mib",
                )
