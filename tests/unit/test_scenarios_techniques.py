# SPDX-License-Identifier: GPL-2.0-or-later
"""Techniques: how they are chosen, what they count, and what is left when one fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import GuestError, UsageError
from harness.report.runfolder import RunFolder
from harness.scenarios.bed import Guest
from harness.scenarios.content import Corpus
from harness.scenarios.techniques import (
    TECHNIQUES,
    Technique,
    bare,
    record,
    settings_of,
    technique,
    turns,
)
from harness.scenarios.techniques.flash import derived_us, parse_stat
from harness.scenarios.techniques.zram import parse_mm_stat
from tests.unit.simulated_bed import Done, SimGuest


class Counting(Technique):
    """Does nothing but count."""

    name = "counting"
    counted = "done"

    def __init__(self) -> None:
        self.did: list[str] = []
        self.total = 40

    def set_up(self, guest: Guest) -> None:
        self.did.append("up")

    def tear_down(self, guest: Guest) -> None:
        self.did.append("down")

    def counters(self, guest: Guest) -> dict[str, int]:
        return {"done": self.total, "done_bytes": 4096 * self.total}


class BareGuest(SimGuest):
    """Says what was done to it."""

    def run(self, command: str, *, timeout_s: float) -> Done:
        self.commands.append(command)
        return Done(b"[1.0] watching")

    def restore(self) -> int:
        self.commands.append("restore")
        return 0


@pytest.fixture
def guest() -> BareGuest:
    return BareGuest(Corpus({}))


def test_techniques_go_by_their_names() -> None:
    assert all(name == one.name for name, one in TECHNIQUES.items())
    assert {"none", "kill", "zram", "mem-compress"} <= set(TECHNIQUES)
    with pytest.raises(UsageError, match="no technique 'zrma'"):
        technique("zrma")


def test_who_came_first_comes_last_in_the_next_repetition() -> None:
    chosen = [technique(name) for name in ("none", "zram", "mem-compress")]
    assert [one.name for one in turns(chosen, 0)] == ["none", "zram", "mem-compress"]
    assert [one.name for one in turns(chosen, 1)] == ["mem-compress", "zram", "none"]


def test_every_technique_lets_the_killer_kill() -> None:
    settings = settings_of(TECHNIQUES.values(), "linux")
    assert settings["guests.linux.allow"] == '["oom"]'
    assert settings["guests.linux.swap_mib"] == 512


def test_what_was_counted_before_does_not_count(guest: BareGuest, tmp_path: Path) -> None:
    one = Counting()
    with RunFolder("unit", seed=1, out=tmp_path / "run") as folder, one.on(guest) as active:
        one.total += 2
        assert active.count == 2
        record(folder, guest, active, repetition=3)
    assert one.did == ["up", "down"]
    lines = map(json.loads, (tmp_path / "run/metrics.jsonl").read_text().splitlines())
    found = {line["name"]: line for line in lines}
    assert found["technique_count"]["value"] == 2
    assert found["technique_count"]["labels"]["technique"] == "counting"
    assert found["technique_done_bytes"]["unit"] == "bytes"
    assert found["technique_done"]["labels"]["repetition"] == 3


def test_a_technique_is_torn_down_when_the_work_fails(guest: BareGuest) -> None:
    one = Counting()
    with pytest.raises(GuestError, match="killed"), one.on(guest):
        raise GuestError("killed")
    assert one.did == ["up", "down"]


def test_a_bare_guest_has_no_driver_and_a_controller_at_rest(guest: BareGuest) -> None:
    with bare(guest):
        assert "rmmod" in guest.commands[1]
        assert guest.commands[2:4] == ["set sweep_ms=0", "restore"]
        assert guest.commands[4].endswith("echo 0 > /proc/sys/vm/watermark_boost_factor")
        guest.commands.clear()
    # What it was before: this guest answers everything with that.
    assert "echo [1.0] watching > /proc/sys/vm/watermark_boost_factor" in guest.commands[0]
    assert any(command.startswith("insmod") for command in guest.commands)


@pytest.mark.parametrize(
    ("name", "done", "not_done"),
    [
        ("mem-compress", ["set sweep_ms=500", "insmod", "memcompressd -c"], "grow_age"),
        ("mem-compress:no-ageing", ["set sweep_ms=0", "echo 0 > /sys/", "min_age = 0"], "hint = 0"),
        ("mem-compress:no-same-filled", ["set sweep_ms=500 codec_only=1", "insmod"], "grow_age"),
        ("mem-compress:no-hints", ["set sweep_ms=500", "hint = 0"], "grow_age"),
        ("mem-compress:no-discard", [".ko report=0", "memcompressd -c"], "hint = 0"),
        ("mem-compress:whole-memory-scan", ["set sweep_ms=500", "insmod"], "memcompressd -c"),
    ],
)
def test_of_ours_only_that_part_is_off(
    guest: BareGuest, name: str, done: list[str], not_done: str
) -> None:
    technique(name).set_up(guest)
    said = "\n".join(guest.commands)
    for part in done:
        assert part in said
    assert not_done not in said
    guest.commands.clear()
    technique(name).tear_down(guest)
    assert guest.commands[-2:] == ["set sweep_ms=0", "restore"]


@pytest.mark.parametrize("name", ["zram", "zswap", "flash-swap"])
def test_what_was_swapped_on_is_swapped_off(guest: BareGuest, name: str) -> None:
    technique(name).set_up(guest)
    device = next(c for c in guest.commands if "swapon" in c).rpartition(" ")[2]
    technique(name).tear_down(guest)
    assert any(f"swapoff {device}" in command for command in guest.commands)


def test_pages_are_offered_for_merging_by_who_starts_the_workload() -> None:
    assert technique("ksm").prefix == ("memload", "run", "--merge", "--")
    assert technique("mem-compress").prefix == ()


def test_mm_stat_is_read_by_position() -> None:
    found = parse_mm_stat(" 4096000 1000000 1200000 0 1300000 12 3 4 0\n")
    assert (found["orig_bytes"], found["used_bytes"], found["same_pages"]) == (4096000, 1200000, 12)
    assert parse_mm_stat("")["orig_bytes"] == 0


def test_the_time_on_flash_is_that_of_its_pages_as_the_data_sheet_has_them() -> None:
    counted = parse_stat("10 0 80 99 4 0 64 7 0 5 106\n")
    assert counted == {"reads": 10, "read_bytes": 40960, "writes": 4, "written_bytes": 32768}
    # 20 pages read at 25 + 52.8 us, 16 written at 52.8 + 220 us and a 64th of 1.5 ms each.
    assert derived_us(counted) == round(20 * 77.8 + 16 * (272.8 + 1500 / 64))
