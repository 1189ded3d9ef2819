# SPDX-License-Identifier: GPL-2.0-or-later
"""The series mail by mail: the same tree as the build's, and which steps there are to compile."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from harness.build.step import Built
from harness.build.xen import ARM64
from harness.errors import HypervisorError, SetupError
from harness.patches import compiled, kinds, series, steps, style, unchanged
from harness.patches.kinds import Kind
from harness.patches.steps import Step
from tests.unit.small_series import ORIGINAL, PATCH, Ours, ours

__all__ = ["ours"]


def replay(ours: Ours) -> list[Step]:
    return steps.replay(series.load(), ours.source)


def test_git_makes_of_the_mails_what_the_build_makes_of_the_files(ours: Ours) -> None:
    found = replay(ours)
    assert [one.subject for one in found] == ["xen: add new", "xen: change two, and say so"]
    assert sorted(found[0].files) == ["xen/new/b.c", "xen/new/lzo.c"]
    assert found[1].files["xen/a.c"] == ORIGINAL.replace("two", "zwei").encode()
    steps.require_same(found, ours.source)


def test_a_file_that_the_mails_lack_or_have_otherwise_is_named(ours: Ours) -> None:
    found = replay(ours)
    ours.write("files/xen/new/c.c", "int c;\n")
    ours.write("files/xen/new/b.c", "int other;\n")
    with pytest.raises(HypervisorError, match="2 files differ") as caught:
        steps.require_same(found, ours.source)
    assert caught.value.where == "xen/new/b.c: another content"
    assert caught.value.context == ("xen/new/c.c: only in the build",)


def test_a_step_is_known_by_what_it_changes(ours: Ours) -> None:
    before = replay(ours)
    ours.write("files/xen/new/b.c", "int changed;\n")
    after = replay(ours)
    assert [a.changed == b.changed for a, b in zip(before, after, strict=True)] == [False, True]
    assert after[1].new == {"xen/new/b.c", "xen/new/lzo.c"}


OPTION = b"config MEM_COMPRESS\n\tbool\n"
OFF = Kind("off", ARM64, {}, False)
ON = Kind("on", ARM64, {}, True)


def made(contents: list[dict[str, bytes]]) -> list[Step]:
    """Steps that write these files; those below xen/ours/ are new."""
    found: list[Step] = []
    for number, written in enumerate(contents, start=1):
        before = dict(found[-1].files) if found else {}
        files = before | written
        changed = {n: (steps.hash_of(before.get(n)), steps.hash_of(files[n])) for n in written}
        new = frozenset(name for name in files if name.startswith("xen/ours/"))
        found.append(Step(number, f"subject {number}", changed, files, new))
    return found


STEPS = made(
    [
        {"xen/a.c": b"1"},
        {"xen/ours/new.c": b"1"},
        {"xen/b.c": b"1", "docs/x": b"1"},
        {"xen/common/Kconfig": OPTION},
        {"docs/x": b"2"},
    ]
)


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kind, "require", lambda kind: None)
    monkeypatch.setattr(compiled, "compiler", lambda name: "a compiler")


def tasks(found: list[Step], **how: bool) -> list[compiled.Task]:
    return compiled.tasks(found, [OFF, ON], Path("xen.tar"), "sha", **how)


def names(found: list[compiled.Task]) -> list[tuple[str, str]]:
    return [(task.kind.name, task.label.partition(" of")[0]) for task in found]


@pytest.mark.usefixtures("compiler")
def test_steps_are_compiled_where_they_change_what_is_compiled() -> None:
    """Not documents, not new files without the controller; with it only what has the option."""
    assert names(tasks(STEPS)) == [
        ("off", "step 1"),
        ("off", "step 3"),
        ("off", "step 4"),
        ("on", "step 4"),
    ]


@pytest.mark.usefixtures("compiler")
def test_for_other_architectures_only_the_whole_series_is_compiled() -> None:
    found = compiled.tasks(STEPS, kinds.others(), Path("xen.tar"), "sha", whole=True)
    assert names(found) == [("arm32-off", "step 4"), ("x86_64-off", "step 4")]


@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize(
    ("changed", "step", "seen", "seen_by_all"),
    [
        # of what is compiled either way: that step, and the last tree
        ("xen/a.c", 0, ["off 1", "off 4", "on 4"], ["off 1", "off 3", "off 4", "on 4"]),
        # of the controller's own files: nothing without it
        ("xen/ours/new.c", 1, ["on 4"], ["on 4"]),
        ("docs/x", 2, [], []),
    ],
)
def test_of_changed_steps_those_and_the_last_tree_are_compiled_of_all_steps_every_tree(
    changed: str, step: int, seen: list[str], seen_by_all: list[str]
) -> None:
    contents = [{n: c for n, c in s.files.items() if n in s.changed and c} for s in STEPS]
    contents[step][changed] = b"other"
    other = made(contents)
    for whole, expected in ((False, seen), (True, seen_by_all)):
        pairs = zip(tasks(STEPS, whole=whole), tasks(other, whole=whole), strict=True)
        new = [f"{b.kind.name} {b.label[5]}" for a, b in pairs if a.digest != b.digest]
        assert new == expected


@pytest.mark.usefixtures("compiler")
def test_what_compiled_once_is_not_compiled_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XMC_CACHE_DIR", str(tmp_path))
    done: list[str] = []
    monkeypatch.setattr(compiled, "make_tree", lambda name, *rest: done.append(name))
    task = tasks(STEPS)[0]
    assert not task.known
    compiled.compile_one(task)
    compiled.compile_one(task)
    assert (done, task.known) == (["series-off"], True)


@pytest.mark.usefixtures("compiler")
def test_a_step_that_does_not_compile_says_the_first_error_and_is_not_remembered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XMC_CACHE_DIR", str(tmp_path))
    log = tmp_path / "log"
    log.write_text("CC a.o\na.c:3:1: error: unknown type name 'zwei'\nmake: *** [a.o] Error 1\n")

    def fail(*arguments: object) -> None:
        raise HypervisorError("make failed with status 2", where=str(log))

    monkeypatch.setattr(compiled, "make_tree", fail)
    task = tasks(STEPS)[0]
    with pytest.raises(HypervisorError, match=r"does not compile for off: a\.c:3:1: error: unkn"):
        compiled.compile_one(task)
    assert not task.known


def test_a_compiler_that_is_not_there_is_said_with_what_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    arm32 = next(kind for kind in kinds.others() if kind.arch == kinds.ARM32)
    with pytest.raises(SetupError, match="no arm-linux-gnueabihf-gcc here") as caught:
        arm32.require()
    assert caught.value.hint == "harness doctor --with arm32"


def test_only_lines_that_patches_add_must_be_in_xens_style() -> None:
    before = {"xen/a.c": b"int a;\nif(bad) {\n}\n", "xen/Makefile": b"x\n"}
    after = {"xen/a.c": b"int a;\nfor(;;)\nif(bad) {\n}\n", "xen/Makefile": b"x\nif(y)\n"}
    found = list(style.problems(before, after))
    assert found == [
        "xen/a.c:2: for ( condition ) has spaces on both sides of the parentheses",
    ]
    assert not list(style.problems(before, {"xen/a.c": None}))


def test_the_patches_before_the_first_new_files_stand_alone(ours: Ours) -> None:
    assert unchanged.stand_alone(series.load(), replay(ours)) == 0
    ours.write("patches/0000-first.patch", PATCH.replace("a.c", "c.c"))
    ours.write("patches/series", "0000-first.patch\n0001-a.patch\n")
    assert unchanged.stand_alone(series.load(), []) == 1


def test_a_changed_function_shows_in_its_section_and_its_object_file(tmp_path: Path) -> None:
    for folder, value in (("one", 1), ("other", 2), ("same", 1)):
        (tmp_path / folder).mkdir()
        source = tmp_path / folder / "a.c"
        source.write_text(f"int f(void) {{ return {value}; }}\nint nothing[4];\n")
        words = ["gcc", "-g", "-c", str(source), "-o", str(source.with_suffix(".o"))]
        subprocess.run(words, check=True)
    one, other, same = (tmp_path / name for name in ("one", "other", "same"))
    assert unchanged.different_sections(one / "a.o", other / "a.o") == [".text"]
    assert unchanged.different_objects(one, other) == ["a.o (.text)"]
    assert unchanged.different_objects(one, same) == []
    (same / "b.o").write_bytes(b"")
    assert unchanged.different_objects(one, same) == ["b.o (only in one)"]


def test_the_controllers_files_come_from_linux_where_the_build_takes_them(ours: Ours) -> None:
    source = replace(ours.source, linux_files=Built("linux-files", ours.top / "nowhere", "x"))
    with pytest.raises(OSError, match="nowhere"):
        steps.replay(series.load(), source)
