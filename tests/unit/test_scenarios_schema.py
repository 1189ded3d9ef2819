# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenario files are validated, and an error names the file and the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.scenarios import measured
from harness.scenarios.needs import check_sizes, needed_settings
from harness.scenarios.schema import load_scenario, shipped_names

GOOD = """
version = 1
name = "x"
title = "t"
[[steps]]
do = "fill"
pages = 10
"""

MINIMUM = """
version = 1
name = "x"
title = "t"
[[steps]]
do = "minimum-memory"
guest = "linux"
low_mib = 20
high_mib = 48
nominal_mib = 64
"""


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_scenario_is_valid_and_named_like_its_file(name: str) -> None:
    assert load_scenario(name).name == name


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_workload_has_room_in_its_guest(name: str) -> None:
    scenario = load_scenario(name)
    for profile in scenario.profiles:
        settings = needed_settings(scenario, profile) | scenario.settings
        check_sizes(scenario, profile, settings)


def test_a_workload_larger_than_its_guest_is_known_before_anything_boots() -> None:
    scenario = load_scenario("quick", ["squeeze.mib=96"])
    with pytest.raises(UsageError, match="no room in linux, which has 96 MiB"):
        check_sizes(scenario, "deterministic", scenario.settings)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("pages", "pagse", "unknown key 'pagse'"),
        ('"fill"', '"fil"', "no step 'fil': one of fill, "),
        ("name", "nmae", "unknown key 'nmae'"),
    ],
)
def test_what_is_misspelled_comes_first(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "x.toml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(UsageError) as caught:
        load_scenario(str(path))
    assert caught.value.message.startswith(said)
    assert not any("at least 1 item" in line for line in caught.value.context)


def test_an_unknown_scenario_names_the_shipped_ones() -> None:
    with pytest.raises(UsageError) as caught:
        load_scenario("nonsense")
    assert "roundtrip" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (GOOD.replace("pages = 10", "pages = 0"), "steps.0.fill.pages"),
        (GOOD.replace("pages = 10", "pages = 10\npgaes = 1"), "steps.0.fill.pgaes"),
        (GOOD.replace('"fill"', '"fly"'), "steps.0"),
        (MINIMUM.replace("high_mib = 48", "high_mib = 72"), "steps.0.minimum-memory"),
        (MINIMUM + "modes = ['naked']", "steps.0.minimum-memory.modes.0"),
        (GOOD.replace("version = 1", "version = 2"), "version"),
        (GOOD.replace("version = 1", "version = 1\nextra = 3"), "extra"),
    ],
)
def test_a_malformed_scenario_names_file_and_key(tmp_path: Path, text: str, key: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_scenario(str(path))
    assert str(path) in caught.value.where
    assert key in caught.value.where


def test_what_is_no_toml_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("= 3")
    with pytest.raises(UsageError) as caught:
        load_scenario(str(path))
    assert caught.value.where == str(path)


def test_overrides_reach_steps_and_settings() -> None:
    wanted = load_scenario(
        "roundtrip",
        ["round-trips.total=2000", 'profiles=["hw-af"]', "settings.guests.linux.vcpus=1"],
    )
    step = wanted.steps[0]
    assert isinstance(step, measured.RoundTrips)
    assert step.total == 2000
    assert wanted.profiles == ("hw-af",)
    assert wanted.settings["guests.linux.vcpus"] == 1


@pytest.mark.parametrize("override", ["nonsense", "fly.high=1", "=3"])
def test_an_override_that_means_nothing_is_refused(override: str) -> None:
    with pytest.raises(UsageError):
        load_scenario("roundtrip", [override])
