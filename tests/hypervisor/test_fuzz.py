# SPDX-License-Identifier: GPL-2.0-or-later
"""What takes bytes from elsewhere survives any bytes: fuzz_*.c, driven by fuzz.c.

A short run from the committed corpus here, always the same one; ten million executions at night,
other ones each day. What a run found beyond the corpus is kept in runs/fuzz/ and is worth adding:
`fuzz_TARGET 0 0 CORPUS MERGED` writes what of it is needed.
"""

from __future__ import annotations

import datetime
import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.paths import runs_dir
from tests.hypervisor.conftest import Variant, Workshop

CORPUS = Path(__file__).parent / "corpus"
SHORT, LONG = 60_000, 10_000_000
# The fuzzed files of each target, and what no input can reach.
TARGETS: Mapping[str, Mapping[str, float]] = {
    "decode": {"lz4": 0.95, "lzo1x": 0.95},
    "walk": {"s1-walk": 1.0},
}


def fuzz(
    workshop: Workshop, target: str, executions: int, seed: int, *, found: Path | None = None
) -> Mapping[str, Any]:
    """One run under the sanitizers; what it says about itself. Fails with the input."""
    words = [
        str(executions),
        str(seed),
        str(CORPUS / f"{target}.hex"),
        *([str(found)] * (found is not None)),
    ]
    said = workshop.programs(Variant.ASAN).run(f"fuzz_{target}", *words, timeout_s=5400)
    report: Mapping[str, Any] = json.loads(said.splitlines()[0])
    print(target, report)
    return report


@pytest.mark.parametrize("target", TARGETS)
def test_a_short_run_finds_nothing_and_sees_every_outcome(workshop: Workshop, target: str) -> None:
    report = fuzz(workshop, target, SHORT, 1)
    assert report["executions"] >= SHORT
    assert min(report["outcomes"].values()) > 0, report["outcomes"]


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_runs_nearly_every_line(workshop: Workshop, target: str) -> None:
    programs = workshop.programs(Variant.COVERAGE)
    programs.run(f"fuzz_{target}", "0", "0", str(CORPUS / f"{target}.hex"))
    for name, wanted in TARGETS[target].items():
        done = subprocess.run(
            ["gcov", "-n", "-o", f"fuzz/{Path(name).parent}", f"fuzz/{name}.o"],
            cwd=programs.folder,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        source = re.escape(Path(name).name)
        seen = re.search(rf"/{source}\.c'\nLines executed:([\d.]+)% of (\d+)", done.stdout)
        assert seen, done.stdout
        print(f"{name}.c: {seen[1]} % of {seen[2]} lines by the corpus alone")
        assert float(seen[1]) >= 100 * wanted


@pytest.mark.slow
@pytest.mark.timeout(5400)
@pytest.mark.parametrize("target", TARGETS)
def test_ten_million_executions_find_nothing(workshop: Workshop, target: str) -> None:
    today = datetime.datetime.now(tz=datetime.UTC).date()
    folder = runs_dir() / "fuzz"
    folder.mkdir(parents=True, exist_ok=True)
    found = folder / f"{target}-{today}.hex"
    report = fuzz(workshop, target, LONG, today.toordinal(), found=found)
    assert report["executions"] >= LONG
