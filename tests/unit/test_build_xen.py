# SPDX-License-Identifier: GPL-2.0-or-later
"""Our files and patches on the source: in order, without fuzz, and no file rewritten in vain."""

from __future__ import annotations

import difflib
import io
import tarfile
from pathlib import Path

import pytest

from harness.build import patches
from harness.build.linux_files import Import, check
from harness.build.worktree import WorkTree
from harness.errors import HypervisorError

LINES = [f"line {n}\n" for n in range(20)]
ORIGINAL = {"xen/a.c": "".join(LINES), "xen/b.c": "b\n", "README": "read me\n"}


@pytest.fixture
def tarball(tmp_path: Path) -> Path:
    path = tmp_path / "source.tar.xz"
    with tarfile.open(path, "w:xz") as archive:
        for name, text in ORIGINAL.items():
            member = tarfile.TarInfo(f"source-1.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


@pytest.fixture
def series(tmp_path: Path) -> Path:
    folder = tmp_path / "patches"
    folder.mkdir()
    return folder


def add_patch(folder: Path, name: str, file: str, before: str, after: str) -> None:
    """Append a patch to the series; an empty text is no file."""
    text = "".join(
        difflib.unified_diff(
            before.splitlines(keepends=True),
            after.splitlines(keepends=True),
            f"a/{file}" if before else "/dev/null",
            f"b/{file}" if after else "/dev/null",
        )
    )
    (folder / name).write_text(f"Subject: {name}\n\n---\n{text}")
    with (folder / "series").open("a") as lines:
        lines.write(name + "\n")


def update(tree: WorkTree, tarball: Path, folder: Path, **files: str) -> None:
    contents = {name.replace("__", "/"): text.encode() for name, text in files.items()}
    tree.update(tarball, "digest", contents, patches.read_series(folder))


def test_patches_apply_in_order_on_files_and_on_each_other(
    tmp_path: Path, tarball: Path, series: Path
) -> None:
    first = ORIGINAL["xen/a.c"].replace("line 3\n", "line three\n")
    second = first.replace("line three\n", "line drei\n")
    add_patch(series, "0001-three.patch", "xen/a.c", ORIGINAL["xen/a.c"], first)
    add_patch(series, "0002-drei.patch", "xen/a.c", first, second)
    add_patch(series, "0003-new.patch", "xen/new.c", "", "new\n")
    add_patch(series, "0004-ours.patch", "xen/ours", "ours\n", "ours, patched\n")
    tree = WorkTree(tmp_path / "work")
    update(tree, tarball, series, xen__ours="ours\n")
    assert (tree.path / "xen/a.c").read_text() == second
    assert (tree.path / "xen/new.c").read_text() == "new\n"
    assert (tree.path / "xen/ours").read_text() == "ours, patched\n"
    assert (tree.path / "README").read_text() == ORIGINAL["README"]


def test_a_patch_that_does_not_apply_is_named_and_changes_nothing(
    tmp_path: Path, tarball: Path, series: Path
) -> None:
    tree = WorkTree(tmp_path / "work")
    update(tree, tarball, series)
    good = ORIGINAL["xen/a.c"].replace("line 3\n", "x\n")
    add_patch(series, "0001-good.patch", "xen/a.c", ORIGINAL["xen/a.c"], good)
    add_patch(series, "0002-bad.patch", "xen/b.c", "something else\n", "b2\n")
    with pytest.raises(HypervisorError, match=r"patch 0002-bad\.patch does not apply") as failure:
        update(tree, tarball, series)
    assert failure.value.exit_code == 6
    assert any("FAILED" in line for line in failure.value.context)
    assert (tree.path / "xen/a.c").read_text() == ORIGINAL["xen/a.c"]


def test_a_patch_is_not_applied_by_fuzz(tmp_path: Path, tarball: Path, series: Path) -> None:
    # Its context is another one than the source's: patch(1) alone would take it.
    context = ORIGINAL["xen/a.c"].replace("line 2\n", "line II\n")
    add_patch(
        series, "0001-fuzzy.patch", "xen/a.c", context, context.replace("line 5\n", "line V\n")
    )
    with pytest.raises(HypervisorError, match=r"0001-fuzzy\.patch does not apply"):
        update(WorkTree(tmp_path / "work"), tarball, series)


def test_a_listed_patch_that_is_not_there_is_named(series: Path) -> None:
    (series / "series").write_text("# comment\n0001-gone.patch\n")
    with pytest.raises(HypervisorError, match=r"patch 0001-gone\.patch is not there"):
        patches.read_series(series)


def test_without_a_series_there_are_no_patches(series: Path) -> None:
    (series / "0001-not-listed.patch").write_text("")
    assert patches.read_series(series) == []


def test_what_did_not_change_is_not_written(tmp_path: Path, tarball: Path, series: Path) -> None:
    after = ORIGINAL["xen/a.c"].replace("line 3\n", "x\n")
    add_patch(series, "0001.patch", "xen/a.c", ORIGINAL["xen/a.c"], after)
    tree = WorkTree(tmp_path / "work")
    update(tree, tarball, series, ours="1\n", other="1\n")
    before = {p: p.stat().st_mtime_ns for p in tree.path.rglob("*") if p.is_file()}
    update(tree, tarball, series, ours="2\n", other="1\n")
    now = {p: p.stat().st_mtime_ns for p in tree.path.rglob("*") if p.is_file()}
    assert [p.name for p in now if now[p] != before[p]] == ["ours"]


def test_what_is_no_longer_ours_is_the_tarballs_again(
    tmp_path: Path, tarball: Path, series: Path
) -> None:
    add_patch(series, "0001.patch", "xen/b.c", "b\n", "b, patched\n")
    add_patch(series, "0002-delete.patch", "README", ORIGINAL["README"], "")
    tree = WorkTree(tmp_path / "work")
    update(tree, tarball, series, ours="1\n")
    assert not (tree.path / "README").exists()
    (series / "series").unlink()
    update(tree, tarball, series)
    found = {
        p.relative_to(tree.path).as_posix(): p.read_text()
        for p in tree.path.rglob("*")
        if p.is_file()
    }
    assert found == ORIGINAL


def test_another_tarball_is_another_tree(tmp_path: Path, tarball: Path, series: Path) -> None:
    tree = WorkTree(tmp_path / "work")
    update(tree, tarball, series)
    (tree.path / "xen/leftover.o").write_text("")
    tree.update(tarball, "another digest", {}, [])
    assert not (tree.path / "xen/leftover.o").exists()


def test_a_file_of_linux_that_nobody_reviewed_is_refused() -> None:
    item = Import("lib/lzo/x.c", "xen/x.c", "0" * 64)
    with pytest.raises(HypervisorError, match=r"lib/lzo/x\.c is not the reviewed one"):
        check(item, b"changed")
