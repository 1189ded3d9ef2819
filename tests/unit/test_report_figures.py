# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures, histograms, memory gained and the table, from numbers made by hand."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from harness.report import cli
from harness.report.books import GuestBooks, gained_by_lzo_kib, gained_kib, imbalance_pages
from harness.report.figures import BARS, figures
from harness.report.histogram import BUCKETS, Histogram, bucket_middle, bucket_of
from harness.report.run import RunState, load_run
from harness.report.runfolder import RunFolder
from harness.report.table import guest_table


@dataclass
class FakeStats:
    nominal: int = 1000
    resident: int = 690
    compressed: int = 300
    discarded: int = 10
    ballooned: int = 0
    zero: int = 50
    same: int = 50
    lzo: int = 200
    stored_bytes: int = 400_000
    store_pages: int = 100
    table_pages: int = 2
    meta_bytes: int = 4096
    host_free: int = 5000
    restores: dict[str, int] = field(default_factory=lambda: {"data": 3, "insn": 1})


def test_gain_is_what_came_back_less_all_that_was_spent() -> None:
    assert gained_kib(FakeStats()) == (300 + 10 - 100 - 2 - 1) * 4
    assert gained_by_lzo_kib(FakeStats()) == 400


def test_books_that_do_not_balance_are_seen() -> None:
    assert imbalance_pages(FakeStats()) == 0
    assert imbalance_pages(FakeStats(resident=689)) == 1


@given(st.integers(0, 2**33 - 1))
def test_a_bucket_stands_for_its_values_within_a_32nd(value: int) -> None:
    bucket = bucket_of(value)
    assert 0 <= bucket < BUCKETS
    assert abs(bucket_middle(bucket) - value) <= value / 32


@given(st.integers(0, 2**33), st.integers(0, 2**33))
def test_buckets_keep_order(a: int, b: int) -> None:
    assert (bucket_of(a) <= bucket_of(b)) or a > b


def test_quantiles_of_a_histogram_and_of_what_was_added_to_it() -> None:
    first = Histogram.of([5] * 10)
    both = Histogram.of([5] * 10 + [1000] * 30)
    assert both.quantile(0.2) == 5
    assert both.mean == (50 + 30_000) / 40
    added = both.since(first)
    assert added.count == 30
    assert added.mean == 1000
    assert added.quantile(0.5) == pytest.approx(1000, rel=1 / 32)
    assert Histogram.of([]).quantile(0.5) is None


def write_run(path: Path, state: RunState = RunState.PASSED) -> None:
    with RunFolder("demo", seed=1, out=path, command_line=[]) as run:
        run.metric("victim_precision", 0.97, "ratio", profile="hw-af")
        run.metric("victim_precision", 0.90, "ratio", profile="soft-af")
        run.finish(state)


def test_figures_are_met_or_not_and_missing_ones_are_listed(tmp_path: Path) -> None:
    write_run(tmp_path / "r")
    found = figures(load_run(tmp_path / "r"))
    measured = [f for f in found if f.value is not None]
    assert [f.met for f in measured] == [True, False]
    assert measured[0].dimensions["profile"] == "hw-af"
    assert measured[0].dimensions["seed"] == 1
    assert {f.bar.name for f in found} == {bar.name for bar in BARS}


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.INACTIVE])
def test_a_run_that_failed_or_did_nothing_has_no_figures(tmp_path: Path, state: RunState) -> None:
    write_run(tmp_path / "r", state)
    assert all(f.value is None for f in figures(load_run(tmp_path / "r")))


def test_figures_are_shown_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "r")
    cli.show_figures(tmp_path / "r", as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["figures"][0]["measured"] is False
    out = io.StringIO()
    cli.show_figures(tmp_path / "r", console=Console(file=out, width=140))
    # What it does not measure is one paragraph, and no row of the table.
    table, words = out.getvalue().split("not measured: ")
    assert "0.97" in table
    assert "restore_path_insns" not in table
    assert "restore_path_insns, restore_vs_zram" in words
    assert "seed=1" in words


def test_the_table_names_guests_splits_pages_and_labels_latency() -> None:
    books = GuestBooks("linux", FakeStats(), {"data": 3, "insn": 1}, 42, {"restore": (10, 20)})
    out = io.StringIO()
    table = guest_table([books], free_before_kib=10240, free_after_kib=20480)
    Console(file=out, width=120).print(table)
    text = out.getvalue()
    for expected in ("linux", "same-filled", "LZO", "emulator time", "10.0 MiB more", "insn"):
        assert expected in text
    assert books.as_json()["gained_kib"] == gained_kib(FakeStats())
