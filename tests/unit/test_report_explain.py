# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a run failed, in a paragraph; and what the page says of runs that are no result."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from harness.cli.app import main
from harness.errors import GuestError, SetupError, UsageError
from harness.report.cli import write_page
from harness.report.explain import explain
from harness.report.page.facts import misses, table_1
from harness.report.run import RunState, load_run
from harness.report.runfolder import RunFolder
from harness.report.values import values_of

CONSOLE = """\
[    1.000000] starting
[    2.000000] before it
[    3.000000] Unable to handle kernel NULL pointer dereference at virtual address 0
[    4.000000] after it
"""


def failed(tmp_path: Path, *, allow: list[str] | None = None) -> Path:
    log = tmp_path / "linux.log"
    log.write_text(CONSOLE)
    path = tmp_path / "r"
    run = RunFolder("lru", seed=1, out=path, command_line=["harness", "run", "lru"])
    run.describe(config={"default": {"guests": {"linux": {"allow": allow or []}}}})
    run.event("step", do="fill")
    run.event("step-done", do="fill")
    run.event("step", do="victims")
    started_s = run._start_wall_s
    run.add_testbed("default", started_s=started_s, events=tmp_path / "none", logs={"linux": log})
    run.finish(RunState.FAILED, failure=GuestError("lost the connection", context=["ssh"]))
    return path


def test_a_failure_is_classed_and_its_first_bad_line_shown(tmp_path: Path) -> None:
    found = explain(load_run(failed(tmp_path)))
    said = found.paragraph()
    assert "a guest misbehaved (GuestError, exit code 7)" in said
    assert "at the step victims" in said
    assert "NULL pointer dereference at virtual address 0 (console default.linux, 3.0 s)" in said
    assert "harness run lru" in said
    assert list(found.context)[1] == "before it"


def test_a_line_that_a_guest_may_say_explains_nothing(tmp_path: Path) -> None:
    found = explain(load_run(failed(tmp_path, allow=["kernel-oops"])))
    assert found.bad_line == ""
    assert found.context == ["ssh"]


def test_a_run_that_passed_tells_the_bars_that_it_misses(tmp_path: Path) -> None:
    with RunFolder("demo", seed=1, out=tmp_path / "r") as run:
        run.metric("slowdown_40", 0.15, "ratio", workload="sqlite")
        run.metric("slowdown_50", 0.01, "ratio")
    (said,) = misses(load_run(tmp_path / "r"))
    assert said.endswith(
        "at workload sqlite is 0.15 ratio; the bar is <= 0.1: missed, 50% above it."
    )
    assert said in explain(load_run(tmp_path / "r")).paragraph()


def test_a_technique_that_did_nothing_is_left_out(tmp_path: Path) -> None:
    with RunFolder("demo", seed=1, out=tmp_path / "r") as run:
        for technique, count in (("ksm", 0), ("zram", 7), ("none", 0)):
            run.metric("technique_count", count, "pages", technique=technique)
            run.metric("slowdown", 0.1, "ratio", technique=technique)
    values = values_of([load_run(tmp_path / "r")])
    active = {v.own["technique"] for v in values if v.name == "slowdown" and v.active}
    assert active == {"zram", "none"}


def test_table_1_stands_beside_the_papers(tmp_path: Path) -> None:
    with RunFolder("demo", seed=1, out=tmp_path / "r") as run:
        run.metric("minimum_memory", 28, "MiB", guest="linux", mode="virtualized")
    rows = table_1(values_of([load_run(tmp_path / "r")]))
    assert rows[0]["virtualized"] == "28 MiB"
    assert rows[0]["paper_virtualized"] == "22 MB"
    assert rows[1]["virtualized"] == "not measured"


def test_the_page_needs_no_other_file_and_several_runs_need_a_name(tmp_path: Path) -> None:
    text = write_page([failed(tmp_path)]).read_text()
    assert "lost the connection" in text
    body = text.replace("http://www.w3.org", "").partition('<script type="application/json"')[0]
    assert "src=" not in body
    assert "http" not in body
    with pytest.raises(UsageError, match="several runs"):
        write_page([tmp_path / "r", tmp_path / "r"])


def test_report_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = failed(tmp_path)
    with pytest.raises(SystemExit):
        main(["report", str(path), "--out", str(tmp_path / "x.html")])
    assert (tmp_path / "x.html").exists()
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["report", "--explain", str(path), "--json"])
    assert json.loads(capsys.readouterr().out)["step"] == "victims"


def test_a_page_for_which_there_is_no_room_leaves_no_half_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RunFolder("demo", seed=1, out=tmp_path / "r"):
        pass

    def full(self: Path, *args: object, **kwargs: object) -> int:
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(SetupError, match="cannot be written: No space left"):
        write_page([tmp_path / "r"])
    assert not list((tmp_path / "r").glob("*.html"))
    assert not list((tmp_path / "r").glob(".*.html"))
