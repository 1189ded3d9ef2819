# SPDX-License-Identifier: GPL-2.0-or-later
"""The report in a real browser: on a phone and on a desk, dark, and on paper."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.host import packages
from harness.report.cli import write_page
from harness.report.histogram import Histogram
from harness.report.run import RunState, Scalar, load_run
from harness.report.runfolder import RunFolder
from tests.browser import Page, browser

LAYOUT = Path(__file__).with_name("page_layout.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    missing = packages.missing(packages.EXTRA["browser"])
    if missing:
        packages.install(missing, say=lambda text: print(text, file=sys.stderr))
    with browser(tmp_path_factory.mktemp("chromium")) as one:
        yield one


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return full_run(tmp_path_factory.mktemp("full") / "r")


def full_run(path: Path, *, seed: int = 1) -> Path:
    """A run that has something to say in every section of the report, and misses bars."""
    with RunFolder("quick", seed=seed, out=path, command_line=["harness", "run", "quick"]) as run:
        run.describe(
            dimensions={
                "android_is": "debian-art",
                "android_mib": 104,
                "cpu": "cortex-a57",
                "icount": "shift=0",
            }
        )
        for moment in range(6):
            for guest in ("linux", "android"):
                labels = {"guest": guest, "sample": f"s{moment}", "profile": "default"}
                taken = 800 * moment
                pages = {"nominal": 16384, "resident": 16384 - taken, "store_pages": taken // 4}
                pages |= {"table_pages": 8, "ballooned": 0, "zero": taken // 4, "same": 40}
                pages |= {"lzo": taken // 2, "discarded": taken // 4}
                for name, value in pages.items():
                    run.metric(name, value, "pages", **labels)
                run.metric("gained", taken * 3, "KiB", **labels)
            time.sleep(0.06)
        for technique in ("none", "zram", "ksm", "mem-compress", "mem-compress:no-ageing"):
            count = 0 if technique == "ksm" else 500
            run.metric("technique_count", count, "pages", technique=technique)
            run.metric("gained", 9000 + len(technique), "KiB", technique=technique)
            for ram in (100, 80, 60, 50, 40):
                at = {"technique": technique, "workload": "sqlite", "ram": ram, "repetition": 1}
                run.metric("slowdown", (100 - ram) / 400 + len(technique) / 200, "ratio", **at)
            ticks = Histogram.of(range(900, 9000 * len(technique), 70))
            run.histogram("read_ns", ticks, "ns", technique=technique, content="text")
        for mode, mib in (("native", 28), ("virtualized", 32), ("compressed", 20)):
            run.metric("minimum_memory", mib, "MiB", guest="linux", mode=mode)
        ours: dict[str, Scalar] = {"technique": "mem-compress", "workload": "sqlite", "ram": 40}
        run.metric("slowdown", 2.23, "ratio", **ours | {"technique": "zram", "repetition": 1})
        run.metric("slowdown_40", 0.2, "ratio", **ours)
        run.metric("restore_path_insns", 1500, "insns", guest="linux")
        for word in ("word " * 60, "x" * 400):
            run.event("note", text=word)
    return path


def failed_run(path: Path) -> Path:
    run = RunFolder("lru", seed=1, out=path)
    run.event("step", do="victims")
    run.finish(RunState.FAILED, failure=RuntimeError("everything is wrong " + "y" * 200))
    return path


def look(page: Page, path: Path, width: int, shots: Path, *, dark: bool = False) -> str:
    """Open a page and judge its layout; its text."""
    page.open(path, width=width, dark=dark)
    wrong = page.eval(LAYOUT)
    page.screenshot(shots / f"{path.stem}-{width}{'-dark' if dark else ''}.png")
    assert (page.complaints, wrong) == ([], [])
    text: str = page.eval("document.body.innerText")
    return text


@pytest.mark.parametrize(("width", "dark"), [(390, False), (390, True), (1440, False)])
def test_a_full_report_is_readable_and_every_chart_shows_something(
    page: Page, full: Path, tmp_path: Path, width: int, dark: bool
) -> None:
    text = look(page, write_page([full]), width, tmp_path, dark=dark)
    for said in (
        "slowdown_40 (slowdown at 40 % of the RAM) at workload sqlite, ram 40 is 0.2 ratio; the",
        "emulated ARM machine",
        "not a release of Android",
        "22 MB",
        "inactive: left out",
        "harness run quick",
        # Off the chart, and so told below it; the tables have every number of the charts.
        "Above the chart: zram at 40 %: 120 %",
        "Slowdown with less memory",
        "Latency, in instructions",
        "slower with 40 % of the memory",
    ):
        assert said in text
    # None of a technique that did nothing.
    charts = page.eval("document.getElementById('charts').textContent")
    assert "ksm" not in charts
    assert page.eval("document.querySelectorAll('.plot').length") == 5
    colour = page.eval("getComputedStyle(document.body).backgroundColor")
    assert (colour == "rgb(255, 255, 255)") != dark


def test_a_report_prints(page: Page, full: Path) -> None:
    page.open(write_page([full]), width=1440)
    pdf = page.pdf()
    assert pdf.startswith(b"%PDF")
    assert len(pdf) > 40_000


@pytest.mark.parametrize("width", [390, 1440])
def test_runs_beside_each_other_and_a_failed_one_say_what_they_are(
    page: Page, full: Path, tmp_path: Path, width: int
) -> None:
    runs = [full, full_run(tmp_path / "b", seed=2), failed_run(tmp_path / "c")]
    text = look(page, write_page(runs, tmp_path / "both.html"), width, tmp_path)
    assert "quick, lru: 3 runs" in text
    assert "seed 2" in text
    assert "Its figures are not shown" in text


def test_a_run_that_was_killed_says_so_and_has_no_figures(page: Page, tmp_path: Path) -> None:
    script = (
        "import pathlib, sys, time\n"
        "from harness.report.runfolder import RunFolder\n"
        "run = RunFolder('lru', seed=1, out=pathlib.Path(sys.argv[1]))\n"
        "run.metric('victim_precision', 0.99, 'ratio')\n"
        "print('begun', flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "r")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert load_run(tmp_path / "r").goes_on()
        os.kill(process.pid, signal.SIGKILL)
    assert load_run(tmp_path / "r").state is RunState.PARTIAL
    text = look(page, write_page([tmp_path / "r"]), 390, tmp_path)
    assert "killed in the middle" in text
    assert "victim_precision" not in text
