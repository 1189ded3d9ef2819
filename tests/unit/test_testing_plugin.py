# SPDX-License-Identifier: GPL-2.0-or-later
"""The pytest plugin: dimensions make tests, ids say which, and failures bring their evidence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.testing.evidence import of_logs

# A pool that never boots: what was asked for is in the error.
CONFTEST = """
import pathlib, pytest
from harness.errors import MachineError
from harness.testing.plugin import POOL

class Pool:
    def __init__(self, logs):
        self.asked, self.logs = set(), logs
    def get(self, profile, overrides=(), *, until=None):
        self.asked.add(1)
        raise MachineError(f"asked for {profile} with {list(overrides)}")
    def seen(self):
        return [], [self.logs] if self.asked else []
    def retire(self):
        print(f"retired {len(self.asked)}")
    def close(self):
        pass

@pytest.fixture(scope="session")
def testbeds(pytestconfig):
    pool = pytestconfig.stash[POOL] = Pool(pathlib.Path("logs"))
    return pool
"""
TESTS = """
import pytest

def test_plain(linux):
    pass

@pytest.mark.dimensions(ram_mib=[48, 64], technique=["none"])
def test_dimensions(linux, ram_mib, technique):
    pass

def test_each(each_guest):
    pass

def test_needs_none():
    assert False
"""


def run(pytester: pytest.Pytester, *words: str) -> tuple[pytest.RunResult, str]:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_them=TESTS)
    logs = pytester.path / "logs"
    logs.mkdir()
    (logs / "xen.log").write_text("".join(f"[{n:.6f}] (XEN) line {n}\n" for n in range(60)))
    (logs / "events.jsonl").write_text(
        json.dumps({"t_s": 1.0, "kind": "qmp", "event": "SHUTDOWN"}) + "\n"
    )
    result = pytester.runpytest_inprocess("-v", *words)
    return result, result.stdout.str()


def test_dimensions_become_ids_and_overrides(pytester: pytest.Pytester) -> None:
    _, said = run(pytester, "--set", "board.cpus=1")
    assert "test_dimensions[none-48]" not in said
    assert "test_dimensions[technique=none-ram_mib=48]" in said
    assert "test_each[linux-image]" in said
    assert "test_each[android-image]" in said
    overrides = [
        "board.cpus=1",
        "guests.linux.compress.enabled=false",
        "guests.android.compress.enabled=false",
    ]
    assert f"asked for default with {[*overrides, 'guests.linux.memory_mib=48']}" in said
    # The profile's own value is the profile's testbed.
    assert f"asked for default with {overrides}" in said


def test_options_replace_the_values_of_a_mark(pytester: pytest.Pytester) -> None:
    _, said = run(pytester, "--ram-mib", "96", "-k", "dimensions")
    assert "ram_mib=96" in said
    assert "ram_mib=48" not in said


def test_a_failure_brings_consoles_and_what_qemu_said(pytester: pytest.Pytester) -> None:
    result, said = run(pytester, "-k", "plain")
    result.assert_outcomes(errors=1)
    assert "logs: xen.log" in said
    assert "(XEN) line 59" in said
    assert "(XEN) line 3\n" not in said
    assert "qmp event=SHUTDOWN" in said


def test_what_a_failed_test_used_is_not_used_again(pytester: pytest.Pytester) -> None:
    _, said = run(pytester, "-s", "-k", "plain or needs_none")
    assert said.count("retired 1") == 1
    assert said.count("retired 0") == 1, "one of the two had asked for a testbed"


def test_a_test_without_a_testbed_brings_none(pytester: pytest.Pytester) -> None:
    result, said = run(pytester, "-k", "needs_none")
    result.assert_outcomes(failed=1)
    assert "xen.log" not in said


def test_an_unknown_dimension_is_named(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "import pytest\n@pytest.mark.dimensions(rem=[1])\ndef test_it(linux): pass\n"
    )
    result = pytester.runpytest_inprocess()
    assert "no dimension 'rem'" in result.stdout.str() + result.stderr.str()


def test_evidence_says_where_all_of_it_is(tmp_path: Path) -> None:
    (tmp_path / "xen.log").write_text("one\n")
    (tmp_path / "empty.log").write_text("")
    sections = dict(of_logs(tmp_path))
    assert sections[f"{tmp_path.name}: xen.log"] == f"one\n(1 lines in {tmp_path / 'xen.log'})"
    assert len(sections) == 2
