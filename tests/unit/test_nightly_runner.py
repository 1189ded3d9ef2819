# SPDX-License-Identifier: GPL-2.0-or-later
"""Jobs survive one another; the summary says what became of each."""

from __future__ import annotations

import json
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from harness.cli.app import main
from harness.nightly.jobs import JOBS, Job
from harness.nightly.runner import run_jobs


def python(name: str, code: str, *, limit_s: float = 30) -> Job:
    return Job(name, 1, (sys.executable, "-c", code), limit_s)


def test_a_job_that_fails_hangs_or_cannot_start_does_not_stop_the_next(tmp_path: Path) -> None:
    jobs = [
        python("fails", "print('<why & how>\\x1b[0m'); exit(3)"),
        python("hangs", "import time; print('begun', flush=True); time.sleep(60)", limit_s=1),
        Job("missing", 1, ("/nonexistent/program",), 10),
        python("dies", "import os; os.kill(os.getpid(), 11)"),
        python("passes", "print('fine')"),
    ]
    started = time.monotonic()
    results = run_jobs(jobs, tmp_path)
    assert time.monotonic() - started < 20
    assert [result.status for result in results] == [3, None, 127, -11, 0]
    assert "begun" in results[1].tail


def test_the_summary_is_valid_and_tells_the_reason(tmp_path: Path) -> None:
    jobs = [python("fails", "print('<why & how>\\x1b[0m'); exit(3)"), python("passes", "")]
    run_jobs(jobs, tmp_path)
    suite = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert "<why & how>" in str(failure.text)
    text = (tmp_path / "index.html").read_text()
    assert "1 of 2 jobs passed" in text
    assert "&lt;why &amp; how&gt;" in text
    assert json.loads((tmp_path / "nightly.json").read_text())["complete"] is True


def test_each_job_has_a_folder_and_its_own_run_in_it(tmp_path: Path) -> None:
    code = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text('x')"
    run_jobs([Job("writes", 1, (sys.executable, "-c", code, "{out}/made"), 30)], tmp_path)
    assert (tmp_path / "writes" / "made").read_text() == "x"


def test_the_table_of_jobs_is_sound() -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)
    assert {job.tier for job in JOBS} == {1, 2, 3}


@pytest.mark.parametrize("words", [["--tier", "9"], ["--only", "nothing"]])
def test_an_unknown_tier_or_job_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["nightly", *words])
    assert caught.value.code == 2
