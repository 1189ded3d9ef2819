# SPDX-License-Identifier: GPL-2.0-or-later
"""A run folder is readable at any moment and says truly how far the run came."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

import duckdb
import pytest

from harness.errors import ScenarioFailed, SetupError, UsageError
from harness.report.provenance import reproduce
from harness.report.run import RunState, load_run
from harness.report.runfolder import RunFolder
from harness.report.timeline import read_events


def folder(path: Path, **kwargs: int) -> RunFolder:
    return RunFolder("demo", seed=kwargs.get("seed", 1), out=path, command_line=["harness", "run"])


def test_a_run_is_partial_until_it_is_finished(tmp_path: Path) -> None:
    with folder(tmp_path / "r") as run:
        run.metric("pages", 3, "pages", guest="linux")
        assert load_run(tmp_path / "r").state is RunState.PARTIAL
        assert load_run(tmp_path / "r").metrics[0].labels == {"guest": "linux"}
    assert load_run(tmp_path / "r").state is RunState.PASSED


def test_a_failure_is_recorded_and_the_first_one_is_kept(tmp_path: Path) -> None:
    with pytest.raises(ScenarioFailed), folder(tmp_path / "r") as run:
        raise ScenarioFailed("page 7 differs", context=["line"])
    run.finish(RunState.PASSED)
    loaded = load_run(tmp_path / "r")
    assert loaded.state is RunState.FAILED
    assert loaded.info["failure"]["message"].startswith("page 7 differs")
    assert loaded.info["failure"]["exit_code"] == 8


def test_dimensions_and_hashes_are_added_as_they_become_known(tmp_path: Path) -> None:
    with folder(tmp_path / "r", seed=9) as run:
        run.describe(dimensions={"cpu": "cortex-a76"}, hashes={"xen": "ab"})
    loaded = load_run(tmp_path / "r")
    assert loaded.dimensions["seed"] == 9
    assert loaded.dimensions["cpu"] == "cortex-a76"
    assert loaded.info["hashes"] == {"xen": "ab"}


def test_events_share_one_clock_that_only_goes_forward(tmp_path: Path) -> None:
    with folder(tmp_path / "r") as run:
        for n in range(3):
            run.event("step", n=n)
    lines = (tmp_path / "r" / "events.jsonl").read_text().splitlines()
    times = [json.loads(line)["t_s"] for line in lines]
    assert times == sorted(times)
    assert len(times) == 3


def test_consoles_are_copied(tmp_path: Path) -> None:
    (tmp_path / "xen.log").write_text("(XEN) hello\n")
    with folder(tmp_path / "r") as run:
        run.add_consoles({"xen": tmp_path / "xen.log", "gone": tmp_path / "gone.log"})
    assert (tmp_path / "r/consoles/xen.log").read_text() == "(XEN) hello\n"


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(UsageError, match="not empty"):
        folder(tmp_path)


def test_no_run_folder_and_another_schema_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a run folder"):
        load_run(tmp_path)
    (tmp_path / "run.json").write_text('{"schema": 99}')
    with pytest.raises(UsageError, match="schema 99"):
        load_run(tmp_path)


def test_a_line_cut_short_by_a_kill_does_not_hide_the_others(tmp_path: Path) -> None:
    run = folder(tmp_path / "r")
    run.metric("a", 1, "pages")
    with (tmp_path / "r/metrics.jsonl").open("a") as file:
        file.write('{"t_s": 1.0, "na')
    assert [m.name for m in load_run(tmp_path / "r").metrics] == ["a"]


def test_what_a_testbed_said_is_taken_onto_the_runs_clock(tmp_path: Path) -> None:
    log, events = tmp_path / "xen.log", tmp_path / "testbed.jsonl"
    log.write_text("[    1.000000] (XEN) long before\n[  100.000000] (XEN) hello\n")
    events.write_text('{"t_s": 101.5, "kind": "qmp", "event": "RESET"}\n')
    with folder(tmp_path / "r") as run:
        run.event("step")
        run.add_testbed("default", started_s=time.time() - 99, events=events, logs={"xen": log})
    found = list(read_events(tmp_path / "r/events.jsonl"))
    assert [event["kind"] for event in found] == ["step", "console", "qmp"]
    assert found[1]["t_s"] == pytest.approx(1, abs=0.5)
    assert found[1]["text"] == "(XEN) hello"


def test_metrics_are_a_table_as_well(tmp_path: Path) -> None:
    with folder(tmp_path / "r") as run:
        run.metric("gained", 4096, "KiB", guest="linux")
        run.metric("gained", 1, "KiB", technique="it's")
    query = f"select name, value, guest, technique from '{tmp_path}/r/metrics.parquet' order by 2"
    rows = duckdb.connect().execute(query).fetchall()
    assert rows == [("gained", 1, None, "it's"), ("gained", 4096, "linux", None)]


def test_a_partial_run_goes_on_or_was_killed(tmp_path: Path) -> None:
    run = folder(tmp_path / "r")
    assert load_run(tmp_path / "r").goes_on()
    run._events.close()  # what the end of a process does
    assert not load_run(tmp_path / "r").goes_on()


def test_a_run_says_the_command_that_repeats_it() -> None:
    line = ["/x/.venv/bin/harness", "run", "a b", "--out", "/tmp/y", "--seed", "7"]
    assert reproduce(line) == "harness run 'a b' --seed 7"
    line = ["/x/harness", "--name", "second", "run", "squeeze", "--out=/tmp/y", "--resume"]
    assert reproduce(line) == "harness run squeeze"


def test_a_full_disk_is_a_matter_of_set_up_and_the_run_stays_partial(tmp_path: Path) -> None:
    run = folder(tmp_path / "r")
    run._metrics.close()
    with contextlib.suppress(OSError), Path("/dev/full").open("a", encoding="utf-8") as full:
        run._metrics = full
        with pytest.raises(SetupError, match="no space left for the run folder"):
            run.metric("pages", 3, "pages")
    assert load_run(tmp_path / "r").state is RunState.PARTIAL
