# SPDX-License-Identifier: GPL-2.0-or-later
"""What the Android guest's commands say, and how many applications that is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.errors import GuestError
from harness.monitor.pressure import Pressure
from harness.report.run import load_run
from harness.report.runfolder import RunFolder
from harness.report.timeline import read_events
from harness.scenarios import android, appsteps
from harness.scenarios.alive import Alive, fill
from harness.scenarios.apps import Counts, Device, Kill, Memory, Process, Started
from harness.scenarios.context import Context
from harness.scenarios.schema import load_scenario
from harness.transport.base import Completed

STACK = "PID\tADJ\tNAME\n301\t0\torg.b\n300\t700\torg.a\n"
MEMINFO = "PID\tADJ\tRSS_KIB\tPSS_KIB\tDIRTY_KIB\tNAME\n301\t0\t20000\t12000\t8000\torg.b\n"
LMKD = (
    "lmkd: lowmemorykiller I 01-01 00:00:45    74    74 lmkd data connection established\n"
    "lmkd: lowmemorykiller E 01-01 00:00:53    74    74 Kill '/system/bin/dalvikvm' (133),"
    " uid 10133, oom_adj 910 to free 26716kB\n"
)


class Said:
    """A shell that answers from a table; the last answer to a command is given again."""

    def __init__(self, answers: dict[str, list[tuple[int, str]]]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    def run(self, command: str, *, timeout_s: float) -> Completed:
        self.asked.append(command)
        answers = self._answers[command]
        status, text = answers.pop(0) if len(answers) > 1 else answers[0]
        return Completed(command, status, text.encode(), b"")


def device(**answers: str) -> Device:
    table = {name.replace("_", " "): [(0, text)] for name, text in answers.items()}
    return Device("android", Said({**table, "logcat -s lmkd": [(0, LMKD)]}))


def test_tables_are_understood() -> None:
    phone = device(am_stack_list=STACK, dumpsys_meminfo=MEMINFO)
    assert phone.stack() == [Process(301, 0, "org.b"), Process(300, 700, "org.a")]
    assert phone.meminfo() == [Memory("org.b", 0, 20000, 12000, 8000)]
    assert phone.kills() == [Kill(133, 910)]


def test_counts_are_the_last_line_of_dumpsys_activity() -> None:
    assert device(dumpsys_activity="PID\tADJ\ncold 4 warm 2 gone 1\n").counts() == Counts(4, 2, 1)


@pytest.mark.parametrize(("how", "cold"), [("cold", True), ("warm", False)])
def test_a_start_says_whether_it_was_cold_and_how_long_it_took(how: str, cold: bool) -> None:
    text = f"{how} org.a pid=300 total_ms=1500 ok ms=1400\n"
    assert device(**{"am_start_org.a": text}).start("org.a") == Started("org.a", cold, 300, 1500)


def test_a_heap_that_is_not_as_it_was_made_is_an_error_with_its_words() -> None:
    text = "org.b ok ms=3\nerror: org.a error: CORRUPT records 3 ms=2\n"
    phone = Device("android", Said({"am verify": [(1, text)]}))
    with pytest.raises(GuestError, match="CORRUPT records 3"):
        phone.verify()


def test_a_kill_is_recorded_once(tmp_path: Path) -> None:
    """Who was killed before the scenario began, or is recorded already, is no news."""
    logs = [LMKD, LMKD, LMKD + LMKD.replace("133", "140"), LMKD + LMKD.replace("133", "140")]
    answers = {"dumpsys meminfo": [(0, MEMINFO)], "logcat -s lmkd": [(0, log) for log in logs]}
    guest: Any = SimpleNamespace(name="android", shell=Said(answers))
    with RunFolder("x", seed=1, out=tmp_path / "run") as folder, pytest.MonkeyPatch.context() as m:
        m.setattr(android, "read_pressure", lambda guest: Pressure(0, 0, 0))
        bed: Any = None
        corpus: Any = None
        ctx = Context(bed, folder, "default", 1, corpus, [guest])
        for step in ("first", "second", "third"):
            android.each_device(ctx, step, lambda guest, device: None)
    found = [m.value for m in load_run(tmp_path / "run").metrics if m.name == "lmkd_kills"]
    assert found == [0, 1, 0]
    kills = [e for e in read_events(tmp_path / "run/events.jsonl") if e["kind"] == "lmkd-kill"]
    assert [(kill["pid"], kill["step"]) for kill in kills] == [(140, "second")]


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self._now = 0.0

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("harness.scenarios.alive.time", clock)
    return clock


COLD = (0, "cold org.a pid=1 total_ms=1 ms=1\n")
WARM = (0, "warm org.a pid=1 total_ms=1 ok ms=1\n")
DIED = (1, "error: org.a died\n")


def alive(starts: list[list[tuple[int, str]]], gone: list[int]) -> Alive:
    """starts: what each application answers, time after time; gone: likewise, how many are."""
    names = [f"org.a{n}" for n in range(len(starts))]
    answers = {
        "am stop all": [(0, "")],
        "pm list packages": [(0, "".join(f"package:{name}\n" for name in names))],
        "dumpsys activity": [(0, f"cold 0 warm 0 gone {count}\n") for count in gone],
    } | {f"am start {name}": list(said) for name, said in zip(names, starts, strict=True)}
    guest = type("Guest", (), {"name": "android", "shell": Said(answers)})()
    step = appsteps.AppsAlive(do="apps-alive", verify_from=2, rounds=2)
    return fill(guest, step, controlled=False)


def test_all_count_when_nobody_is_killed() -> None:
    found = alive([[COLD, WARM]] * 3, [0])
    assert (found.count, found.why) == (3, "no more applications")
    assert 15 < found.longest_s <= 30


def test_where_starts_are_slow_turns_are_short_enough_for_one_more(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    start = Device.start

    def slowly(device: Device, package: str) -> Started:
        found = start(device, package)
        if found.cold:
            clock.sleep(10)
        return found

    monkeypatch.setattr(Device, "start", slowly)
    found = alive([[COLD, WARM]] * 3, [0])
    assert found.count == 3
    # A round of 10 s and a start of 10; what is even would be 18 and 10.
    assert found.longest_s <= 20


def test_those_before_the_first_kill_count() -> None:
    found = alive([[COLD, WARM]] * 3, [0, 0, 0, 1])
    assert (found.count, found.why) == (2, "lmkd killed at 3")


def test_one_that_is_killed_as_it_starts_does_not_count() -> None:
    assert alive([[COLD, WARM], [COLD, WARM], [DIED]], [0, 0, 0, 1]).count == 2


def test_one_that_is_killed_when_it_has_its_turn_does_not_count() -> None:
    assert alive([[COLD, WARM], [COLD, WARM, WARM, DIED], [COLD]], [0, 0, 0, 1]).count == 2


def test_one_that_had_been_killed_and_is_started_anew_does_not_count() -> None:
    found = alive([[COLD, WARM, WARM, COLD], [COLD, WARM], [COLD, WARM]], [0, 0, 0, 1])
    assert (found.count, found.why) == (2, "lmkd killed at 3: org.a0 had been killed")


def test_applications_that_are_not_verified_in_time_do_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("harness.scenarios.alive.PACE", 2.0)
    found = alive([[COLD, WARM]] * 2, [0])
    assert found.count == 1
    assert "unverified" in found.why


def test_an_error_without_a_kill_is_no_result() -> None:
    with pytest.raises(GuestError, match="not installed"):
        alive([[COLD, WARM], [(1, "error: not installed: org.a1\n")]], [0])


@pytest.mark.parametrize("name", ["app-switch", "apps-alive"])
def test_the_shipped_scenarios_are_about_the_android_guest(name: str) -> None:
    assert load_scenario(name).guests == ("android",)
