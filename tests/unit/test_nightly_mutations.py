# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import HypervisorError
from harness.nightly.mutations import Mutation, apply, problem, read, results
from harness.paths import repo_root

NAME = "xen-patches/files/a.c"
DIFF = f"--- a/{NAME}\n+++ b/{NAME}\n@@ -1 +1 @@\n-one\n+two\n"
HEADER = "Breaks: a rule\nRed: t.py::x\nRed: t.py::y\n\n"
COMMITTED = sorted((repo_root() / "tests/mutations").glob("*.patch"))


def written(folder: Path, text: str) -> Path:
    path = folder / "001-a.patch"
    path.write_text(text)
    return path


def test_reads_and_applies(tmp_path: Path) -> None:
    mutation = read(written(tmp_path, HEADER + DIFF))
    assert mutation.breaks == "a rule"
    assert mutation.red == frozenset({"t.py::x", "t.py::y"})
    target = tmp_path / NAME
    target.parent.mkdir(parents=True)
    target.write_text("one\n")
    apply(mutation, tmp_path)
    assert target.read_text() == "two\n"
    with pytest.raises(HypervisorError, match="does not apply"):
        apply(mutation, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "Breaks: a rule\n\n" + DIFF,
        "Red: t.py::x\n\n" + DIFF,
        HEADER + DIFF.replace("xen-patches/files", "tests"),
    ],
    ids=["no test", "no rule", "changes a test"],
)
def test_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(HypervisorError):
        read(written(tmp_path, text))


@pytest.mark.parametrize(
    ("failed", "errors", "ran", "said"),
    [
        ({"x"}, set(), {"x", "y"}, None),
        (set(), set(), {"x", "y"}, "not noticed by x"),
        ({"x", "y"}, set(), {"x", "y"}, "y fails, too"),
        ({"x"}, {"y"}, {"x", "y"}, "error, not failure: y"),
        (set(), set(), {"y"}, "no such test: x"),
    ],
)
def test_exactly_the_named_test_fails(
    failed: set[str], errors: set[str], ran: set[str], said: str | None
) -> None:
    assert problem(Mutation(Path(), "", frozenset({"x"})), failed, errors, ran) == said


def test_skipped_tests_did_not_run(tmp_path: Path) -> None:
    junit = tmp_path / "j.xml"
    junit.write_text(
        '<s><testcase classname="a.b" name="p"/><testcase classname="a.b" name="f"><failure/>'
        '</testcase><testcase classname="a.b" name="s"><skipped/></testcase></s>'
    )
    assert results(junit) == ({"a/b.py::f"}, set(), {"a/b.py::p", "a/b.py::f"})


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_committed_mutations_apply(path: Path, tmp_path: Path) -> None:
    mutation = read(path)
    text = path.read_text()
    for line in text.splitlines():
        if line.startswith("--- a/"):
            name = line.removeprefix("--- a/")
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes((repo_root() / name).read_bytes())
    apply(mutation, tmp_path)
