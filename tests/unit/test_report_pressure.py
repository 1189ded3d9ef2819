# SPDX-License-Identifier: GPL-2.0-or-later
"""The report shows how each guest fared for memory over time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.monitor.pressure import Pressure
from harness.report.page.pressure import pressure_charts
from harness.report.run import Metric, Run, load_run
from harness.report.runfolder import RunFolder

EVERY_S = 2.0


def sampled(folder: Path, *samples: Pressure, by: str | None = "clock") -> Run:
    with RunFolder("demo", seed=1, out=folder):
        pass
    labels = {"guest": "linux", "profile": "default"} | ({"sample": by} if by else {})
    metrics = [
        Metric(number * EVERY_S, f"pressure_{name}", value, "unit", labels)
        for number, sample in enumerate(samples)
        for name, value in sample.document().items()
    ]
    return replace(load_run(folder), metrics=tuple(metrics))


def test_who_waited_and_what_was_won_are_lines_over_time(tmp_path: Path) -> None:
    first = Pressure(some_us=100, full_us=0, kills=1)
    again = replace(first, some_us=500_100, grown=512, compressed_now=1024, store=256, kills=3)
    waits, won = pressure_charts(sampled(tmp_path / "r", first, again, again))
    assert [(t["name"], t["x"], t["y"]) for t in waits.traces] == [
        ("somebody", [2.0, 4.0], [0.25, 0.0]),
        ("everybody", [2.0, 4.0], [0.0, 0.0]),
    ]
    assert "3 processes" in waits.note
    times = [0.0, 2.0, 4.0]
    assert [(t["x"], t["y"]) for t in won.traces] == [(times, [0, 3, 3]), (times, [0, 2, 2])]


def test_two_samples_make_no_line_of_what_was_waited_between_them(tmp_path: Path) -> None:
    waited = Pressure(some_us=7, full_us=0, kills=0)
    assert pressure_charts(sampled(tmp_path / "r", waited, waited)) == []


def test_a_guest_that_never_waited_has_no_chart(tmp_path: Path) -> None:
    calm = Pressure(some_us=0, full_us=0, kills=0)
    assert pressure_charts(sampled(tmp_path / "r", calm, calm, calm)) == []


def test_what_a_step_recorded_once_is_no_line(tmp_path: Path) -> None:
    waited = Pressure(some_us=7, full_us=0, kills=0)
    assert pressure_charts(sampled(tmp_path / "r", waited, waited, waited, by=None)) == []


def test_a_sample_that_was_cut_short_is_left_out(tmp_path: Path) -> None:
    waited = Pressure(some_us=7, full_us=0, kills=0)
    run = sampled(tmp_path / "r", waited, waited, waited, waited)
    cut = tuple(m for m in run.metrics if m.t_s < 3 * EVERY_S or m.name == "pressure_grown")
    waits, _ = pressure_charts(replace(run, metrics=cut))
    assert waits.traces[0]["x"] == [EVERY_S, 2 * EVERY_S]
