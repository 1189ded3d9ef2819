# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenarios that hold techniques against each other, small; for the full ones are nightly jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.report.run import Run, RunState, load_run
from harness.scenarios import cli

MINIMUM = """
version = 1
name = "minimum-memory"
title = "Coarse"
guests = ["linux"]
sample_s = 0

[settings]
"guests.android.enabled" = false
# Without sweeps nothing is old, and whoever keeps to its slice has nothing to compress.
"guests.linux.compress.sweep_ms" = 500
"guests.linux.options" = '["rootfstype=ramfs"]'
"timeouts.guest_s" = 90

[[steps]]
do = "minimum-memory"
guest = "linux"
low_mib = 4
high_mib = 44
step_mib = 8
nominal_mib = 64
"""


def run_scenario(scenario: str, out: Path, *overrides: str) -> Run:
    """On a testbed of its own."""
    cli.run(scenario, out=out, seed=11, overrides=overrides)
    return load_run(out)


def found(run: Run, name: str, label: str) -> dict[object, float]:
    return {m.labels[label]: m.value for m in run.metrics if m.name == name}


@pytest.mark.slow
def test_with_compression_a_guest_serves_in_less_than_without(tmp_path: Path) -> None:
    scenario = tmp_path / "coarse.toml"
    scenario.write_text(MINIMUM)
    run = run_scenario(str(scenario), tmp_path / "run")
    assert run.state is RunState.PASSED
    least = found(run, "minimum_memory", "mode")
    assert least.keys() == {"native", "virtualized", "compressed"}
    assert least["compressed"] < least["virtualized"]


@pytest.mark.slow
def test_techniques_take_turns_in_one_boot_and_the_work_stays_whole(tmp_path: Path) -> None:
    run = run_scenario(
        "quick",
        tmp_path / "run",
        'profiles=["default"]',
        'squeeze.techniques=["none", "zram", "mem-compress"]',
        "squeeze.ram=[60]",
        "squeeze.work=0.05",
    )
    assert run.state is RunState.PASSED
    lived = found(run, "survived", "technique")
    assert lived["zram"] == lived["mem-compress"] == 1
    counts = found(run, "technique_count", "technique")
    assert counts["zram"] > 1000
    assert counts["mem-compress"] > 1000
    verified = [m.value for m in run.metrics if m.name == "verified"]
    # Each technique in 60 %, and none in all of it.
    assert sum(verified) == 4 * 26 * 256


@pytest.mark.slow
def test_guests_boot_together_with_the_controller_and_without(tmp_path: Path) -> None:
    run = run_scenario(
        "boot-storm", tmp_path / "run", "boot-storm.count=3", "boot-storm.repetitions=1"
    )
    assert run.state is RunState.PASSED
    assert found(run, "boot_all_s", "technique").keys() == {"none", "mem-compress"}
    assert found(run, "gained", "technique")["mem-compress"] > 0
