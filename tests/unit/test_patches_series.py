# SPDX-License-Identifier: GPL-2.0-or-later
"""Our part of Xen is checked before it is built on, and exported as git would have made it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import HypervisorError, UsageError
from harness.patches import check, export, series
from tests.unit.small_series import EXPORT, ORIGINAL, PATCH, Ours, ours

__all__ = ["ours"]


def problems(ours: Ours) -> list[str]:
    with pytest.raises(HypervisorError) as caught:
        ours.check()
    return [caught.value.where, *caught.value.context]


def test_a_series_in_order_passes(ours: Ours) -> None:
    report = ours.check()
    assert (report.patches, report.files, report.imports) == (1, 1, 1)
    assert (report.changed_lines, report.remarks) == (2, ())


def test_subject_and_body_are_read_as_git_folds_them(ours: Ours) -> None:
    patch = series.load().patches[0]
    assert (patch.subject, patch.body) == ("xen: change two, and say so", "Because.")


def test_a_patch_that_does_not_apply_is_named(ours: Ours) -> None:
    ours.write("patches/0001-a.patch", PATCH.replace("-int two;", "-int deux;"))
    with pytest.raises(HypervisorError, match=r"0001-a\.patch does not apply"):
        ours.check()


def test_a_patch_that_would_need_fuzz_does_not_apply(ours: Ours) -> None:
    ours.write("patches/0001-a.patch", PATCH.replace(" int four;", " int vier;"))
    with pytest.raises(HypervisorError, match=r"0001-a\.patch does not apply"):
        ours.check()


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda o: o.write("patches/0002-b.patch", PATCH), "0002-b.patch is not listed in series"),
        (
            lambda o: o.write(
                "patches/0001-a.patch",
                PATCH.replace("Because.\n", "Because.\n\nSigned-off-by: A <a@example.org>\n"),
            ),
            "0001-a.patch is signed off",
        ),
        (
            lambda o: o.write("patches/0001-a.patch", PATCH.replace("Because.\n", "")),
            "0001-a.patch does not say why",
        ),
        (
            lambda o: o.write("patches/0001-a.patch", PATCH.replace("xen/a.c", "xen/new/b.c")),
            "0001-a.patch changes xen/new/b.c, which is ours",
        ),
        (lambda o: o.write("files/xen/a.c", "x\n"), "files/xen/a.c is Xen's own"),
        (lambda o: o.write("files/xen/new/lzo.c", "x\n"), "files/xen/new/lzo.c is imported, too"),
        (lambda o: o.write("files/xen/c.c", "x\n"), "export.toml: xen/c.c is in no mail"),
        (
            lambda o: o.write("export.toml", EXPORT.replace("0001-a", "0009-x")),
            "export.toml: xen: add new: no patch 0009-x.patch",
        ),
    ],
)
def test_what_is_not_in_order_is_said(
    ours: Ours, spoil: Callable[[Ours], None], problem: str
) -> None:
    spoil(ours)
    assert any(said.startswith(problem) for said in problems(ours))


def test_a_listed_patch_that_is_missing_is_named(ours: Ours) -> None:
    ours.write("patches/series", "0001-a.patch\n0002-gone.patch\n")
    with pytest.raises(HypervisorError, match=r"0002-gone\.patch is not there"):
        ours.check()


@pytest.mark.parametrize("text", ["title =", "title = 'x'", "title='x'\nletter='y'\nnew=[1]"])
def test_a_malformed_manifest_is_named(ours: Ours, text: str) -> None:
    ours.write("export.toml", text)
    with pytest.raises(HypervisorError) as caught:
        ours.check()
    assert caught.value.where.endswith("export.toml")


def test_a_long_patch_is_remarked_on(ours: Ours) -> None:
    loaded = series.load()
    long = replace(loaded.patches[0], changed_lines=151)
    report = check.check(replace(loaded, patches=(long,)), ours.tarball)
    assert report.remarks == ("0001-a.patch changes 151 lines, more than 150",)


def test_the_exported_series_makes_the_same_tree_and_is_not_signed_off(
    ours: Ours, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    mails = export.export(series.load(), ours.tarball, ours.linux, out)
    assert [path.name for path in mails] == [
        "0000-cover-letter.patch",
        "0001-xen-add-new.patch",
        "0002-xen-change-two-and-say-so.patch",
    ]
    assert "Subject: [PATCH 0/2] a title" in mails[0].read_text()
    assert not any("Signed-off-by" in path.read_text() for path in mails)
    tree = tmp_path / "xen-4.20"
    for command in (
        ["git", "init", "--quiet"],
        ["git", "add", "--all"],
        ["git", "commit", "--quiet", "--message=Xen"],
        ["git", "am", "--quiet", *map(str, mails[1:])],
    ):
        subprocess.run(command, cwd=tree, check=True)
    assert (tree / "xen/a.c").read_text() == ORIGINAL.replace("two", "zwei")
    assert (tree / "xen/new/b.c").read_text() == "int b;\n"
    assert (tree / "xen/new/lzo.c").read_text() == "int lzo;\n"


def test_an_export_does_not_mix_with_an_older_one(ours: Ours, tmp_path: Path) -> None:
    (tmp_path / "0001-old.patch").write_text("")
    with pytest.raises(UsageError, match="there are patches already"):
        export.export(series.load(), ours.tarball, ours.linux, tmp_path)


def test_the_projects_own_series_has_a_mail_for_every_file() -> None:
    loaded = series.load()
    assert loaded.patches
    assert list(check._of_groups(loaded)) == []
