# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from harness.build.patches import read_series
from harness.errors import HypervisorError
from harness.nightly.mutated import OURS, apply, changed, results
from harness.nightly.mutations import Mutation, Xen, problem, read
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
    apply(mutation.path, tmp_path)
    assert target.read_text() == "two\n"
    with pytest.raises(HypervisorError, match="does not apply"):
        apply(mutation.path, tmp_path)


def test_tests_on_a_machine_say_which_xen(tmp_path: Path) -> None:
    header = "Breaks: a rule\nXen: debug\nRed: tests/integration/t.py::x[a b]\n\n"
    mutation = read(written(tmp_path, header + DIFF))
    assert mutation.xen is Xen.DEBUG
    assert mutation.red == frozenset({"tests/integration/t.py::x[a b]"})


@pytest.mark.parametrize(
    "text",
    [
        "Breaks: a rule\n\n" + DIFF,
        "Red: t.py::x\n\n" + DIFF,
        HEADER + DIFF.replace("xen-patches/files", "tests"),
        HEADER + DIFF.replace("xen-patches/files", "xen"),
        "Breaks: a rule\nRed: tests/integration/t.py::x\n\n" + DIFF,
        "Breaks: a rule\nXen: release\nRed: tests/hypervisor/t.py::x\n\n" + DIFF,
        "Breaks: a rule\nXen: old\nRed: tests/integration/t.py::x\n\n" + DIFF,
    ],
    ids=[
        "no test",
        "no rule",
        "changes a test",
        "Xen's file, which is not here",
        "on which Xen?",
        "a Xen for nothing",
        "no such Xen",
    ],
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


def test_a_xen_that_died_cannot_be_cleaned_up_after() -> None:
    mutation = Mutation(Path(), "", frozenset({"x"}), Xen.RELEASE)
    assert problem(mutation, {"x"}, {"x"}, {"x"}) is None
    # It did not even boot: nothing was tested.
    assert problem(mutation, set(), {"x"}, {"x"}) == "error, not failure: x"


def test_skipped_tests_did_not_run(tmp_path: Path) -> None:
    junit = tmp_path / "j.xml"
    junit.write_text(
        '<s><testcase classname="a.b" name="p"/><testcase classname="a.b" name="f">'
        '<failure message="assert 1 == 2\nmore"/></testcase>'
        '<testcase classname="a.b" name="s"><skipped/></testcase></s>'
    )
    found = results(junit)
    assert (found.failed, found.errors) == ({"a/b.py::f"}, set())
    assert found.ran == {"a/b.py::p", "a/b.py::f"}
    assert found.words == ("f: failure: assert 1 == 2 more",)


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_committed_mutations_can_be_built(path: Path, tmp_path: Path) -> None:
    """Those of Xen's own files are one more patch of the series, tried when that is built."""
    mutation = read(path)
    ours = changed(path, tmp_path)
    series = read_series(ours / "patches")
    if mutation.path.name not in {one.name for one in series}:
        before = read_tree(repo_root() / OURS)
        assert read_tree(tmp_path / OURS) != before


def read_tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
