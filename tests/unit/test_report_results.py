# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables as Markdown and charts as SVG: what the README and docs/results.md are made of."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.report.cli import write_pictures, write_tables
from harness.report.figures import figures
from harness.report.histogram import Histogram
from harness.report.page.facts import headline, misses
from harness.report.run import RunState, Scalar, load_run
from harness.report.runfolder import RunFolder

PAGES = {"nominal": 1000, "store_pages": 20, "table_pages": 2, "ballooned": 0, "zero": 50}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that measured a little of everything; the technique ``idle`` did nothing."""
    with RunFolder("mixed", seed=1, out=tmp_path / "run") as folder:
        for resident in (900, 500):
            time.sleep(0.06)  # what was recorded within less is one sample
            pages = {**PAGES, "resident": resident, "same": 0, "lzo": 70}
            pages["discarded"] = 880 - resident
            for name, value in pages.items():
                folder.metric(
                    name, value, "pages", guest="linux", profile="p", sample=str(resident)
                )
        for technique, count, hosted in (("none", 0, 5), ("mem-compress", 7, 9), ("idle", 0, 6)):
            labels = {"technique": technique, "workload": "memload"}
            folder.metric("technique_count", count, "events", **labels)
            folder.metric("guests_hosted", hosted, "guests", **labels, slice_mib=0, why="no | room")
            for ram in (100, 50):
                at = {**labels, "ram": ram, "repetition": 0}
                killed = technique == "none" and ram == 50
                folder.metric("survived", int(not killed), "runs", **at)
                if not killed:
                    folder.metric("slowdown", (100 - ram) / 1000, "ratio", **at)
                    folder.metric("slowdown_waking", (100 - ram) / 500, "ratio", **at)
        folder.metric("guests_hosted_ratio", 1.8, "ratio", technique="mem-compress")
        folder.metric("slowdown_50", 0.5, "ratio", technique="idle")
        for mode, mib in (("native", 33), ("virtualized", 30)):
            folder.metric("minimum_memory", mib, "MiB", guest="linux", mode=mode)
    return tmp_path / "run"


def test_tables_hold_what_was_measured_and_by_whom(run: Path, tmp_path: Path) -> None:
    write_tables([run], tmp_path / "docs" / "results.md")
    text = (tmp_path / "docs" / "results.md").read_text()
    assert "| linux | 33 MiB | 8 MB | 30 MiB | 22 MB | not measured | future work |" in text
    assert "| mem-compress | memload | 9 | all of its memory | no \\| room |" in text
    assert "| mixed | memload | none | +0.0% | killed |" in text
    assert "| mixed | memload | mem-compress | +0.0% | +5.0%; +10.0% waking |" in text
    assert "guests_hosted_ratio" in text
    assert "harness run" not in text.split("## What was run")[0]


def test_a_technique_that_did_nothing_is_in_no_table_but_its_own(run: Path, tmp_path: Path) -> None:
    write_tables([run], tmp_path / "results.md")
    text = (tmp_path / "results.md").read_text()
    assert [line for line in text.splitlines() if "| idle |" in line] == [
        "| mixed | idle | 1 | 0 | inactive: left out |"
    ]
    found = {f.bar.name: f.value for f in figures(load_run(run))}
    assert found["slowdown_50"] is None
    assert found["guests_hosted_ratio"] == 1.8


def test_what_techniques_cost_is_told_where_instructions_count(tmp_path: Path) -> None:
    with RunFolder("costs", seed=1, out=tmp_path / "run") as folder:
        folder.describe(dimensions={"icount": "shift=0"}, hashes={})
        at: dict[str, Scalar] = {
            "technique": "flash-swap",
            "workload": "memload",
            "ram": 50,
            "repetition": 0,
        }
        for name, value in (("read_bytes", 2 << 20), ("reads", 500), ("derived_us", 79_700)):
            folder.metric(f"technique_{name}", value, "events", **at)
        reads = Histogram.of([*range(1, 100), 4000])
        folder.histogram("read_access", reads, "ns", scale=1.0, **at)
        folder.metric("launch_ms", 900, "ms", technique="kill")
        folder.metric("launch_ms", 700, "ms", technique="kill")
        folder.metric("boot_slowdown", 0.25, "ratio", guests=5)
        folder.finish(RunState.PASSED)
    write_tables([tmp_path / "run"], tmp_path / "results.md")
    text = (tmp_path / "results.md").read_text()
    assert "| costs | memload | flash-swap | 50 % | 500 | 2.0 | - | 0.0 | 0.1 s |" in text
    assert (
        "| costs | read_access | flash-swap | memload, 50 % | 100 | 90 | 50 | 98 | 4,000 |" in text
    )
    assert "| launch_ms |" in text
    assert "| kill | 800 ms | 900 | 2 |" in text
    assert "| 0.250 | guests 5 |" in text


def test_what_is_held_for_moments_stands_beside_the_smallest_memory(tmp_path: Path) -> None:
    with RunFolder("smallest", seed=1, out=tmp_path / "run") as folder:
        folder.describe(dimensions={"phone_is": "debian-art"})
        at: dict[str, Scalar] = {"guest": "android", "mode": "compressed"}
        folder.metric("minimum_memory_peak", 59 * 256, "pages", **at)
        folder.metric("minimum_memory", 50, "MiB", **at)
        for kills in (3, 0, 1):
            folder.metric("lmkd_kills", kills, "applications", guest="android")
    write_tables([tmp_path / "run"], tmp_path / "results.md")
    text = (tmp_path / "results.md").read_text()
    assert "| 104 MB | 50 MiB; for moments 59 | future work |" in text
    assert "not a release of Android" in text
    assert "in all | mem-compress | 4 applications | 3 | 3 |" in text


def test_vms_that_fit_is_a_headline(run: Path) -> None:
    (tile,) = [tile for tile in headline(load_run(run)) if "VMs that fit" in tile["label"]]
    assert tile["value"] == "9"
    assert tile["detail"] == "5 by none"


def test_the_smallest_memory_is_a_headline(tmp_path: Path) -> None:
    with RunFolder("smallest", seed=1, out=tmp_path / "run") as folder:
        for mode, mib in (("native", 30), ("virtualized", 31), ("compressed", 17)):
            folder.metric("minimum_memory", mib, "MiB", guest="linux", mode=mode)
    (tile,) = headline(load_run(tmp_path / "run"))
    assert tile["value"] == "17 MiB"
    assert tile["detail"] == "30 native, 31 virtualized"


def test_slower_is_a_headline_beside_the_others(tmp_path: Path) -> None:
    with RunFolder("squeezed", seed=1, out=tmp_path / "run") as folder:
        for technique, slowdown in (("none", None), ("zram", 3.0), ("mem-compress", 0.2)):
            at: dict[str, Scalar] = {"technique": technique, "workload": "lua", "ram": 50}
            folder.metric("technique_count", 5, "events", **at)
            folder.metric("survived", int(slowdown is not None), "runs", **at)
            if slowdown is not None:
                folder.metric("slowdown", slowdown, "ratio", **at)
        folder.metric("slowdown_50", 0.2, "ratio", technique="mem-compress", workload="lua", ram=50)
    (tile,) = headline(load_run(tmp_path / "run"))
    assert tile["value"] == "+20.0%"
    assert tile["label"] == "slower with 50 % of the memory"
    assert tile["detail"] == "lua; +300% by zram; killed with none"


def test_a_bar_that_was_tried_in_vain_is_not_just_missing(tmp_path: Path) -> None:
    with RunFolder("squeezed", seed=1, out=tmp_path / "run") as folder:
        for technique, name, value in (
            *(("mem-compress", "survived", 1), ("mem-compress", "over_slice", 2300)),
            *(("none", "unfinished", 180), ("kill", "survived", 0)),
        ):
            folder.metric("technique_count", 5, "events", technique=technique)
            folder.metric(name, value, "", technique=technique, workload="lua", ram=40)
    said = "has no result: the guest held 9.0 MiB more than it may; the bar is <= 0.1."
    assert [said in sentence for sentence in misses(load_run(tmp_path / "run"))] == [True]
    write_tables([tmp_path / "run"], tmp_path / "results.md")
    text = (tmp_path / "results.md").read_text()
    assert "without a result: slowdown_40 (lua: the guest held 9.0 MiB more than it may)" in text
    assert "| squeezed | lua | none | did not finish in 180 s |" in text
    assert "| squeezed | lua | mem-compress | held 9.0 MiB too much |" in text
    assert "slowdown_40" not in text.split("Not measured by any of these runs")[1]


def test_pictures_are_small_and_say_what_they_show(run: Path, tmp_path: Path) -> None:
    written = write_pictures([run], tmp_path / "pictures")
    names = {path.name for path in written}
    assert names >= {"memory-linux-p.svg", "squeeze-memload.svg", "technique-guests_hosted.svg"}
    for path in written:
        assert path.stat().st_size < 20_000
        root = ElementTree.fromstring(path.read_text())
        texts = [element.text for element in root.iter(f"{SVG}text")]
        assert len(texts) > 5
        for shape in root.iter(f"{SVG}rect"):
            assert float(shape.get("x", 0)) + float(shape.get("width", 0)) <= 640
            assert float(shape.get("height", 0)) >= 0
    bars = ElementTree.fromstring((tmp_path / "pictures/technique-guests_hosted.svg").read_text())
    assert {"none", "mem-compress"} <= {e.text for e in bars.iter(f"{SVG}text")}


def test_what_is_beyond_a_picture_is_marked_at_its_edge_and_not_drawn_over_the_legend(
    tmp_path: Path,
) -> None:
    with RunFolder("squeezed", seed=1, out=tmp_path / "run") as folder:
        for technique, slowdowns in (("zram", (0.4, 2.5)), ("mem-compress", (0.02, 0.04))):
            for ram, slowdown in zip((60, 50), slowdowns, strict=True):
                at: dict[str, Scalar] = {"technique": technique, "workload": "lua", "ram": ram}
                folder.metric("technique_count", 5, "events", **at)
                folder.metric("slowdown", slowdown, "ratio", **at)
    (path,) = write_pictures([tmp_path / "run"], tmp_path / "pictures")
    root = ElementTree.fromstring(path.read_text())
    (plot,) = root.iter(f"{SVG}g")
    assert plot.get("clip-path") == "url(#within)"
    assert [e.text for e in plot.iter(f"{SVG}text")] == ["\u25b2"]
    # Curves, and a dash for each bar, are in it.
    assert len(list(plot.iter(f"{SVG}path"))) == 4
    assert {"50", "60", "100%"} <= {e.text for e in root.iter(f"{SVG}text")}


def test_a_run_without_a_chart_has_no_picture(tmp_path: Path) -> None:
    with RunFolder("empty", seed=1, out=tmp_path / "run"):
        pass
    with pytest.raises(UsageError, match="no chart"):
        write_pictures([tmp_path / "run"], tmp_path / "pictures")
