# SPDX-License-Identifier: GPL-2.0-or-later
"""The shipped scenarios run on the real system; small, for the full ones are nightly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import HypervisorError
from harness.monitor.observe import LiveObserver
from harness.report.explain import explain
from harness.report.run import Run, RunState, Scalar, load_run
from harness.report.sight import Sight
from harness.report.timeline import read_events
from harness.scenarios import cli
from harness.scenarios.live import LiveBed
from harness.testbed import Testbed

SMALL = {
    "first-light": ["fill.pages=2048", 'guests=["linux"]'],
    "roundtrip": ["round-trips.total=2500", "round-trips.pages=2048", 'profiles=["default"]'],
    "lru": ["victims.pages=1024", "victims.rounds=1", 'profiles=["default"]'],
}


def run_small(
    name: str, testbed: Testbed, out: Path, *, bed: Callable[[Testbed], LiveBed] = LiveBed
) -> Run:
    """One scenario on the session's testbed, whatever profile it names."""

    @contextmanager
    def open_bed(profile: str, settings: Mapping[str, Scalar]) -> Iterator[LiveBed]:
        yield bed(testbed)

    cli.run(name, out=out, seed=11, overrides=SMALL[name], open_bed=open_bed)
    return load_run(out)


class Losing(LiveObserver):
    """Sees the real machine, and after a while fewer free pages than there are.

    By more than a guest has: what moves between two looks is let be, and that may be all of one.
    """

    looks = 0

    def look(self) -> Sight:
        self.looks += 1
        sight = super().look()
        return replace(sight, free=sight.free - 20_000) if self.looks > 2 else sight


class LosingBed(LiveBed):
    @contextmanager
    def observing(self) -> Iterator[Losing]:
        with super().observing() as observer:
            yield Losing(observer._testbed)


def values(run: Run, name: str) -> list[float]:
    return [metric.value for metric in run.metrics if metric.name == name]


@pytest.mark.parametrize("name", sorted(SMALL))
def test_a_shipped_scenario_passes_and_leaves_a_complete_run_folder(
    testbed: Testbed, tmp_path: Path, name: str
) -> None:
    run = run_small(name, testbed, tmp_path / name)
    assert run.state is RunState.PASSED
    assert run.info["dimensions"]["cpu"]
    assert run.info["hashes"]
    assert {"xen", "kernel", "dom0_initrd", "linux_initrd", "patches"} <= run.info["hashes"].keys()
    assert (tmp_path / name / "metrics.parquet").exists()
    assert list((tmp_path / name / "consoles").glob("*.log"))
    assert "ssh" in {event["kind"] for event in read_events(tmp_path / name / "events.jsonl")}
    # By the clock, beside the steps: everybody's pages add up to the board's.
    sampled = [m for m in run.metrics if m.name == "host_xen_own"]
    assert len(sampled) >= 2
    assert max(values(run, "compressed"), default=0) > 0 or values(run, "round_trips")


def test_round_trips_count_what_was_compressed_restored_and_verified(
    testbed: Testbed, tmp_path: Path
) -> None:
    run = run_small("roundtrip", testbed, tmp_path / "r")
    (verified,) = values(run, "roundtrips_verified")
    assert verified >= 2500
    assert values(run, "distinct_gfns")[0] >= 0.8 * 2048


def test_a_page_that_belongs_to_nobody_ends_a_run_and_the_evidence_is_kept(
    testbed: Testbed, tmp_path: Path
) -> None:
    with pytest.raises(HypervisorError, match="pages of the board belong to nobody"):
        run_small("roundtrip", testbed, tmp_path / "r", bed=LosingBed)
    run = load_run(tmp_path / "r")
    assert run.state is RunState.FAILED
    events = list(read_events(tmp_path / "r/events.jsonl"))
    assert "violation" in {event["kind"] for event in events}
    # What Xen says of every domain's pages, by its debug key.
    said = [event["text"] for event in events if event["kind"] == "console"]
    assert any("nominal" in line and "resident" in line for line in said)
    assert "Xen or dom0's toolstack misbehaved" in explain(run).paragraph()
