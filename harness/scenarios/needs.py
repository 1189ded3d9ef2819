# SPDX-License-Identifier: GPL-2.0-or-later
"""What the steps of a scenario need of its profile."""

from __future__ import annotations

from harness.config import load_profile
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
