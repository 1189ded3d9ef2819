# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenarios judge rightly what a testbed does, the good one and those that misbehave."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from harness.errors import HypervisorError, ScenarioFailed, UsageError
from harness.report.figures import figures
from harness.report.run import RunState, load_run
from harness.scenarios import cli
from harness.scenarios.content import Corpus
from harness.scenarios.runner import Outcome
from tests.unit.simulated_bed import SimBed, SimGuest

SMALL = {
    "first-light": ["fill.pages=400"],
    "roundtrip": ["round-trips.total=1500", "round-trips.pages=400"],
    "lru": ["victims.pages=400"],
    "store-density": ["store-density.pages=1200"],
    "idle": ["idle-overhead.pages=400"],
    "stretch": ["stretch.pages=400"],
}


@pytest.fixture
def bed(tmp_path: Path) -> SimBed:
    rng = np.random.default_rng(2)
    for name in ("text", "code", "pointer"):
        (tmp_path / name).write_bytes(rng.integers(0, 256, 9000, dtype=np.uint8).tobytes())
    return SimBed(SimGuest(Corpus.load(tmp_path)), tmp_path)


def run(bed: SimBed, tmp_path: Path, name: str, *more: str) -> tuple[Outcome, str]:
    text = io.StringIO()
    outcome = cli.run(
        name,
        out=tmp_path / "run",
        seed=3,
        overrides=[*SMALL[name], *more],
        open_bed=bed.open,
        console=Console(file=text, width=160),
    )
    return outcome, text.getvalue()


def test_first_light_shows_a_table_and_leaves_a_complete_run(bed: SimBed, tmp_path: Path) -> None:
    outcome, text = run(bed, tmp_path, "first-light")
    assert "memory gained" in text
    assert "same-filled" in text
    assert outcome.books[0].verified_pages == 400
    loaded = load_run(tmp_path / "run")
    assert loaded.state is RunState.PASSED
    assert loaded.dimensions["cpu"] == "simulated"
    assert loaded.info["hashes"] == {"xen": "00"}
    assert {m.labels.get("sample") for m in loaded.metrics} >= {"start", "compressed", "end"}


def test_round_trips_reach_their_total_over_both_profiles(bed: SimBed, tmp_path: Path) -> None:
    run(bed, tmp_path, "roundtrip")
    loaded = load_run(tmp_path / "run")
    verified = next(m.value for m in loaded.metrics if m.name == "roundtrips_verified")
    trips = [m for m in loaded.metrics if m.name == "round_trips"]
    assert verified >= 1500
    assert verified == sum(m.value for m in trips)
    assert {m.labels["profile"] for m in trips} == {"soft-af", "hw-af"}


def test_content_changes_after_so_many_round_trips(bed: SimBed, tmp_path: Path) -> None:
    # Four rounds make 1500 trips; the second fill is not used to its end.
    more = ('profiles=["soft-af"]', "round-trips.rounds=3", "round-trips.min_gfns=0")
    run(bed, tmp_path, "roundtrip", *more)
    events = (tmp_path / "run/events.jsonl").read_text().splitlines()
    rounds = [event for event in map(json.loads, events) if event["kind"] == "cycle"]
    assert len(rounds) == 4
    assert bed.guest.fills == 2
    assert rounds[-1]["total"] == sum(event["made"] for event in rounds)
    assert len({event["cycle"] for event in rounds}) == len(rounds)


def test_a_page_that_moved_meanwhile_makes_no_round_trip(bed: SimBed, tmp_path: Path) -> None:
    bed.guest.moves_page = 7
    run(bed, tmp_path, "roundtrip", 'profiles=["soft-af"]', "round-trips.total=379")
    metrics = {m.name: m.value for m in load_run(tmp_path / "run").metrics}
    assert metrics["moved_meanwhile"] == 1
    assert metrics["round_trips"] == 379


def test_a_page_that_comes_back_different_fails_and_is_named(bed: SimBed, tmp_path: Path) -> None:
    bed.guest.lost_page = 7
    with pytest.raises(ScenarioFailed) as caught:
        run(bed, tmp_path, "roundtrip")
    assert "page 7 gfn 0x107" in caught.value.context[0]
    assert load_run(tmp_path / "run").state is RunState.FAILED


def test_round_trips_without_compression_are_no_round_trips(bed: SimBed, tmp_path: Path) -> None:
    bed.guest.compresses = False
    with pytest.raises(ScenarioFailed, match="only 0 of 400"):
        run(bed, tmp_path, "roundtrip")


def test_a_controller_that_did_nothing_is_no_result(bed: SimBed, tmp_path: Path) -> None:
    bed.guest.compresses = False
    with pytest.raises(ScenarioFailed, match="not a result"):
        run(bed, tmp_path, "first-light")
    assert load_run(tmp_path / "run").state is RunState.INACTIVE


def test_books_that_do_not_balance_fail_the_run(bed: SimBed, tmp_path: Path) -> None:
    bed.guest.unbalanced = 2
    # Whoever sees it first: the step, or who samples by the clock.
    with pytest.raises((ScenarioFailed, HypervisorError), match="do not balance by 2"):
        run(bed, tmp_path, "first-light")


def test_victims_of_the_untouched_half_pass_and_are_a_figure(bed: SimBed, tmp_path: Path) -> None:
    run(bed, tmp_path, "lru")
    found = [f for f in figures(load_run(tmp_path / "run")) if f.bar.name == "victim_precision"]
    assert len(found) == 6
    assert all(f.met for f in found)


def test_victims_of_both_halves_fail(bed: SimBed, tmp_path: Path) -> None:
    bed.guest.ignores_age = True
    with pytest.raises(ScenarioFailed, match=r"50\.0% of the victims"):
        run(bed, tmp_path, "lru")


def test_a_guest_that_the_profile_lacks_is_named(bed: SimBed, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no guest android"):
        run(bed, tmp_path, "lru", 'guests=["android"]')


def test_the_outcome_can_be_had_as_json(
    bed: SimBed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overrides = SMALL["first-light"]
    cli.run("first-light", out=tmp_path / "r", overrides=overrides, open_bed=bed.open, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["state"] == "passed"
    assert told["guests"]["linux"]["compressed_pages"] > 300


def test_density_is_measured_filled_and_after_five_rewrites_of_each_page(
    bed: SimBed, tmp_path: Path
) -> None:
    run(bed, tmp_path, "store-density")
    loaded = load_run(tmp_path / "run")
    assert bed.guest.refilled == 5 * 1200
    assert loaded.state is RunState.PASSED
    found = {f.bar.name: f.value for f in figures(loaded) if f.value is not None}
    assert {"store_density", "store_density_churn", "meta_bytes_per_page"} <= found.keys()
    # 100 bytes of state and two heads of 400.
    compressed = next(
        m.value
        for m in loaded.metrics
        if m.name == "compressed" and m.labels["sample"] == "store_density"
    )
    assert found["meta_bytes_per_page"] == pytest.approx(900 / compressed)


def test_a_small_store_says_nothing_about_density(bed: SimBed, tmp_path: Path) -> None:
    with pytest.raises(ScenarioFailed, match="says nothing about density"):
        run(bed, tmp_path, "store-density", "store-density.pages=200")


def test_an_idle_controller_is_held_against_none(bed: SimBed, tmp_path: Path) -> None:
    bed.guest.sweeps = 2
    run(bed, tmp_path, "idle")
    loaded = load_run(tmp_path / "run")
    assert loaded.state is RunState.PASSED
    found = [f for f in figures(loaded) if f.bar.name == "idle_overhead"]
    assert found[0].value == pytest.approx(0.003)
    assert found[0].met


STRETCH = {"fault": 1300, "reclaim": 2000, "guest": 6250, "idle": 100}


def test_the_longest_stretch_is_that_of_whatever_took_longest(bed: SimBed, tmp_path: Path) -> None:
    bed.guest.stretch = STRETCH
    run(bed, tmp_path, "stretch")
    found = {f.bar.name: f for f in figures(load_run(tmp_path / "run"))}
    longest = found["max_stretch_insns"]
    # 6250 ticks of 62.5 MHz, an instruction a nanosecond.
    assert (longest.value, longest.dimensions["what"], longest.met) == (100_000, "guest", True)
    assert found["max_fault_reclaim_insns"].value == 48_000
    # What took memory, or was to be destroyed, is gone.
    commands = " ".join(bed.guest.commands)
    assert all(f"xl destroy {name}" in commands for name in ("hog", "doomed"))


def test_what_was_never_done_has_no_longest_stretch(bed: SimBed, tmp_path: Path) -> None:
    bed.guest.stretch = STRETCH | {"idle": 0}
    with pytest.raises(ScenarioFailed, match="nothing was ever done for idle"):
        run(bed, tmp_path, "stretch")


def test_a_controller_without_sweeps_is_not_idle_but_absent(bed: SimBed, tmp_path: Path) -> None:
    with pytest.raises(ScenarioFailed, match="no sweep went by"):
        run(bed, tmp_path, "idle")
