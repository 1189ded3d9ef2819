# SPDX-License-Identifier: GPL-2.0-or-later
"""Profiles: what they come to, where values are from, and what is refused with which words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.config import load_profile, profile_of, shipped_profiles
from harness.errors import UsageError

# Whichever of the two guests a shipped profile starts by itself.
BOTH = ["guests.linux.enabled=true", "guests.android.enabled=true"]


@pytest.mark.parametrize("name", shipped_profiles())
def test_every_shipped_profile_loads(name: str) -> None:
    profile = load_profile(name, overrides=BOTH).profile
    assert profile.name == name
    own = {"phone"} if name == "aosp" else set()
    started = {guest.name for guest in profile.guests.values() if guest.start}
    assert started == {"linux", "android"} | own


def test_default_profile_is_the_board_of_the_issue() -> None:
    profile = load_profile(overrides=BOTH).profile
    assert (profile.board.memory_mib, profile.board.cpu, profile.board.cpus) == (
        1024,
        "cortex-a57",
        2,
    )
    assert profile.dom0.memory_mib == 384
    assert [(g.memory_mib, g.vcpus, g.ip) for g in profile.guests.values()] == [
        (64, 2, "10.0.2.21"),
        (104, 2, "10.0.2.22"),
    ]


def test_deterministic_profile_counts_instructions_on_one_cpu() -> None:
    board = load_profile("deterministic").profile.board
    assert (board.cpus, board.thread, board.icount_shift) == (1, "single", 0)


def test_the_two_access_flag_profiles_differ_in_the_cpu_only() -> None:
    hard, soft = load_profile("hw-af"), load_profile("soft-af")
    differing = [key for key in soft.values if hard.values[key] != soft.values[key]]
    assert differing == ["board.cpu"]


def test_overrides_win_and_origins_say_so() -> None:
    resolved = load_profile("hw-af", overrides=["board.cpus=1", "board.cpu=max"])
    assert (resolved.profile.board.cpus, resolved.profile.board.cpu) == (1, "max")
    assert resolved.origins["board.cpus"] == "--set"
    assert resolved.origins["board.gic"] == "harness/profiles/default.toml"
    assert resolved.origins["guests.linux.compress.crc"] == "built-in default"
    assert load_profile("hw-af").origins["board.cpu"] == "harness/profiles/hw-af.toml"


@pytest.mark.parametrize("name", shipped_profiles())
def test_a_profile_comes_back_from_its_document(name: str) -> None:
    resolved = load_profile(name, overrides=["guests.linux.memory_mib=48"])
    document = json.loads(json.dumps(resolved.document))
    assert profile_of(document, name) == resolved.profile


def test_a_disabled_guest_is_not_there_and_a_new_one_gets_a_free_address() -> None:
    profile = load_profile(
        overrides=[
            "guests.android.enabled=false",
            "guests.second.kind=linux",
            "guests.second.memory_mib=32",
        ]
    ).profile
    assert set(profile.guests) == {"linux", "second"}
    assert profile.guests["second"].ip == "10.0.2.23"


@pytest.mark.parametrize(
    ("override", "key", "words"),
    [
        ("guests.linux.slice_mib=65", "guests.linux.slice_mib", "no slice of 64 MiB"),
        ("guests.linux.slice_mib=8", "guests.linux.slice_mib", "no slice of 64 MiB"),
        ("board.memroy_mib=5", "board.memroy_mib", "unknown key 'memroy_mib'"),
        ("guests.linux.colour=red", "guests.linux.colour", "unknown key 'colour'"),
        ("extra.x=1", "extra", "unknown key 'extra'"),
        ("board.cpus=two", "board.cpus", "valid integer"),
        ('board.memory_mib="1024"', "board.memory_mib", "valid integer"),
        ("guests.linux.compress.enabled=1", "guests.linux.compress.enabled", "valid boolean"),
        ("guests.linux.ip=192.168.1.1", "guests.linux.ip", "10.0.2.21 to 10.0.2.254"),
        ("guests.linux.ip=10.0.2.22", "guests.android.ip", "linux has 10.0.2.22 as well"),
        ("guests.linux.memory_mib=700", "board.memory_mib", "the guests do not fit in the board"),
        ("board.memory_mib=512", "board.memory_mib", "the guests do not fit in the board"),
        ("guests.linux.memory_mib=18", "guests.linux.memory_mib", "less than 20 MiB"),
        ("board.icount_shift=0", "board.icount_shift", "one CPU and one thread"),
        ("guests.linux.kind=windows", "guests.linux.kind", "'linux', 'android' or 'aosp-image'"),
        ("guests.linux.allow=['rain']", "guests.linux.allow", "no bad pattern is called 'rain'"),
        ("dom0.ssh_port=70000", "dom0.ssh_port", "less than or equal to 65535"),
    ],
)
def test_a_bad_value_is_refused_naming_its_key(override: str, key: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_profile(overrides=[*BOTH, override])
    assert key in caught.value.where
    assert words in caught.value.message


def test_guests_that_are_started_later_need_room_one_by_one() -> None:
    assert len(load_profile("crowd").profile.guests) == 18
    with pytest.raises(UsageError, match="do not fit in the board"):
        load_profile("crowd", overrides=["guests.g03.memory_mib=500"])


def test_an_unknown_key_suggests_the_one_that_was_meant() -> None:
    with pytest.raises(UsageError) as caught:
        load_profile(overrides=["guests.linux.memroy_mib=5"])
    assert "'memory_mib'" in caught.value.hint


def test_an_error_names_the_file_it_is_in(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('extends = "default"\n[board]\ncpus = "many"\n')
    with pytest.raises(UsageError) as caught:
        load_profile(str(path))
    assert caught.value.where == f"{path}: board.cpus"


def test_a_missing_value_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[board]\ncpus = 1\n")
    with pytest.raises(UsageError) as caught:
        load_profile(str(path))
    assert "is missing" in caught.value.message
    assert "board.memory_mib" in caught.value.where


@pytest.mark.parametrize("text", ["[board", "cpus = ", "\x00"])
def test_what_is_no_toml_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"not TOML"):
        load_profile(str(path))


def test_profiles_may_not_extend_one_another_in_a_circle(tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{name}.toml").write_text(f'extends = "{other}.toml"\n')
    with pytest.raises(UsageError, match="circle"):
        load_profile(str(tmp_path / "a.toml"))


def test_an_unknown_profile_lists_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        load_profile("fast")
    assert "deterministic" in caught.value.hint


@pytest.mark.parametrize("override", ["board.cpus", "=3", "board..cpus=1"])
def test_a_malformed_override_is_refused(override: str) -> None:
    with pytest.raises(UsageError):
        load_profile(overrides=[override])
