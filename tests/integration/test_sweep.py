# SPDX-License-Identifier: GPL-2.0-or-later
"""A sweep of real boots over two workers of a Dask cluster; for the rest is in tests/unit."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.build.artifacts import existing
from harness.report.run import RunState
from harness.sweep.matrix import expand, read_matrix
from harness.sweep.results import Results
from harness.sweep.runner import sweep

MATRIX = """
version = 1
name = "sizes"
scenarios = ["./round.toml"]

[fixed]
"settings.guests.android.enabled" = false

[dimensions]
"settings.guests.linux.memory_mib" = [48, 64]
"""
SCENARIO = """
version = 1
name = "round"
title = "Filled, compressed, verified"
profiles = ["default"]
guests = ["linux"]
sample_s = 0

[[steps]]
do = "fill"
content = "mix"
pages = 2048

[[steps]]
do = "compress"

[[steps]]
do = "sample"
name = "compressed"

[[steps]]
do = "verify"
"""


@pytest.mark.slow
def test_two_workers_boot_what_a_matrix_asks_for_and_one_report_has_it_all(
    cluster: str, tmp_path: Path
) -> None:
    (tmp_path / "round.toml").write_text(SCENARIO)
    (tmp_path / "sizes.toml").write_text(MATRIX)
    built = existing()
    jobs = expand(
        read_matrix(tmp_path / "sizes.toml"),
        {"xen": built.xen.digest, "linux_initrd": built.linux_initrd.digest},
        folder=tmp_path,
    )
    results = Results(tmp_path / "out")
    summary = sweep(jobs, results, scheduler=cluster)
    assert (summary.passed, summary.failed, summary.reused, summary.lost) == (2, 0, 0, {})
    runs = results.all(jobs)
    assert [run.state for run in runs] == [RunState.PASSED] * 2
    assert [run.dimensions["linux_mib"] for run in runs] == [48, 64]
    for run in runs:
        gained = [m.value for m in run.metrics if m.name == "gained"]
        assert max(gained) > 0
        assert (run.path / "consoles").is_dir()
    # Two testbeds at a time.
    assert max(run.info["started"] for run in runs) < min(run.info["finished"] for run in runs)
    assert summary.report is not None
    assert "round: 2 runs" in summary.report.read_text(encoding="utf-8")[:4000]
    again = sweep(jobs, results, scheduler=cluster)
    assert (again.passed, again.reused) == (2, 2)
