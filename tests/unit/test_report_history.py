# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures are kept over time, and one that gets worse is seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli.app import main
from harness.errors import SetupError, UsageError
from harness.report import history
from harness.report.history import note, trends
from harness.report.run import Run, RunState, load_run
from harness.report.runfolder import RunFolder


def made(path: Path, insns: float, state: RunState = RunState.PASSED) -> Run:
    with RunFolder("latency", seed=1, out=path, command_line=[]) as run:
        run.metric("restore_path_insns", insns, "insns", guest="linux")
        run.finish(state)
    return load_run(path)


def test_a_figure_is_held_against_what_it_was(tmp_path: Path) -> None:
    base = tmp_path / "history.duckdb"
    runs = [made(tmp_path / str(n), value) for n, value in enumerate((1500, 1510, 1490, 1800))]
    assert note(runs, base) == 4
    assert note(runs[:2], base) == 2  # again: nothing changes
    (trend,) = trends("restore_path_insns", path=base)
    assert trend.values == (1500, 1510, 1490, 1800)
    assert trend.before == 1500
    assert trend.worse == pytest.approx(0.2)
    assert trend.met
    assert trend.at == "guest=linux"


def test_what_is_no_result_has_no_history(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="failed run is no result"):
        note([made(tmp_path / "r", 1, RunState.FAILED)], tmp_path / "h")
    with pytest.raises(UsageError, match="no run was noted"):
        trends(path=tmp_path / "none")
    with pytest.raises(UsageError, match="no figure"):
        trends("speed", path=tmp_path / "h")


def test_a_file_that_is_no_history_is_named(tmp_path: Path) -> None:
    (tmp_path / "h").write_text("what" * 5000)
    with pytest.raises(SetupError, match="no history"):
        trends(path=tmp_path / "h")


def test_history_verb(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "runs_dir", lambda: tmp_path)
    made(tmp_path / "r", 1500)
    for words in (["--add", str(tmp_path / "r")], ["restore_path_insns", "--json"]):
        with pytest.raises(SystemExit):
            main(["history", *words])
    text, _, document = capsys.readouterr().out.partition("[\n")
    assert "restore_path_insns" in text
    assert json.loads("[" + document)[0]["values"] == [1500]
