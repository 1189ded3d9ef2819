# SPDX-License-Identifier: GPL-2.0-or-later
"""Steps: run when an input has changed or the object is not whole, and only then."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.build.step import Built, command, environment, run
from harness.errors import HypervisorError, SetupError
from harness.progress import Step
from harness.sources.cache import forget_verified


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XMC_CACHE_DIR", str(tmp_path / "cache"))
    forget_verified()


class Making:
    """A step of one file, that counts how often it runs."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.times = 0

    def build(self, **inputs: object) -> Built:
        def make(out: Path, progress: Step) -> None:
            self.times += 1
            (out / "out").write_bytes(self.source.read_bytes())

        return run("copy", {"source": self.source, **inputs}, make)


@pytest.fixture
def making(tmp_path: Path) -> Making:
    source = tmp_path / "source"
    source.write_text("one")
    return Making(source)


def test_unchanged_inputs_are_not_built_again(making: Making) -> None:
    assert making.build() == making.build()
    assert making.times == 1


def test_a_changed_file_is_another_object(making: Making) -> None:
    first = making.build()
    making.source.write_text("two")
    second = making.build()
    assert (first.path / "out").read_text() == "one"
    assert (second.path / "out").read_text() == "two"
    assert first.digest != second.digest


def test_a_changed_option_is_another_object(making: Making) -> None:
    digests = {making.build(recipe=n).digest for n in (1, 2)}
    assert len(digests) == 2


def test_a_file_of_a_tree_that_moves_changes_the_digest(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "a").mkdir(parents=True)
    (tree / "a/x").write_text("1")
    making = Making(tree / "a/x")
    before = making.build(tree=tree).digest
    (tree / "a/x").rename(tree / "a/y")
    making.source = tree / "a/y"
    assert making.build(tree=tree).digest != before


@pytest.mark.parametrize("damage", ["truncated", "changed", "removed", "no manifest"])
def test_a_damaged_object_is_built_again(making: Making, damage: str) -> None:
    built = making.build()
    out = built.path / "out"
    if damage == "truncated":
        out.write_text("on")
    elif damage == "changed":
        out.write_text("eno")
    elif damage == "removed":
        out.unlink()
    else:
        (built.path / "COMPLETE").unlink()
    forget_verified()  # as a later process
    again = making.build()
    assert (again.path / "out").read_text() == "one"
    assert making.times == 2


def test_a_failed_step_leaves_nothing_behind(making: Making, tmp_path: Path) -> None:
    def fail(out: Path, progress: Step) -> None:
        (out / "half").write_text("half")
        raise HypervisorError("no")

    with pytest.raises(HypervisorError):
        run("copy", {"source": making.source}, fail)
    assert not list((tmp_path / "cache").rglob("half"))
    making.build()
    assert making.times == 1


def test_a_program_that_fails_shows_the_end_of_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(HypervisorError, match="trial failed with status 3") as failure:
        command(
            ["sh", "-c", "seq 100; echo broken >&2; exit 3"], what="trial", error=HypervisorError
        )
    assert failure.value.context[-2:] == ("100", "broken")
    assert Path(failure.value.where).read_text().startswith("1\n2\n")


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(SetupError, match="no no-such-compiler here"):
        command(["no-such-compiler"], what="trial")


def test_the_environment_does_not_steer_compilers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEFLAGS", "-k")
    monkeypatch.setenv("CFLAGS", "-O0")
    assert not {"MAKEFLAGS", "CFLAGS"} & environment().keys()
