# SPDX-License-Identifier: GPL-2.0-or-later
"""The series on another Xen: patch by patch, and what is said when there is no such Xen."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.errors import HypervisorError, SetupError, UsageError
from harness.patches import elsewhere, series
from harness.patches.elsewhere import Other
from harness.patches.fit import How, fit
from harness.patches.kinds import arm64
from harness.sources import sha256_of
from harness.sources.apt import SourceEntry
from harness.sources.mirror import NotThere
from tests.unit.small_series import ORIGINAL, PATCH, Ours, ours

__all__ = ["ours"]

MAKEFILE = "export XEN_VERSION       = 4\nexport XEN_SUBVERSION    = 21\n"
MAKEFILE += "export XEN_EXTRAVERSION ?= -rc1$(XEN_VENDORVERSION)\n"


@pytest.mark.parametrize(
    ("text", "how", "failed"),
    [
        (ORIGINAL, How.APPLIES, ()),
        (ORIGINAL.replace("int four", "int vier"), How.FUZZ, ()),
        (ORIGINAL.replace("int two", "int deux"), How.FAILS, ("xen/a.c",)),
        (None, How.FAILS, ("a file that is not there",)),
    ],
)
def test_how_a_patch_fits_is_told(
    ours: Ours, text: str | None, how: How, failed: tuple[str, ...]
) -> None:
    files = {} if text is None else {"xen/a.c": text.encode()}
    found, after = fit(series.load().patches, files)
    assert [(one.how, one.failed) for one in found] == [(how, failed)]
    changed = b"int zwei;" in (after.get("xen/a.c") or b"")
    assert changed == (how != How.FAILS)


def test_a_patch_whose_lines_have_moved_is_taken_where_they_are(ours: Ours) -> None:
    lines = [f"int n{n};\n" for n in range(9)]
    hunk = ["@@ -2,7 +2,7 @@\n", *(f" {x}" for x in lines[1:4]), f"-{lines[4]}", "+int zwei;\n"]
    head = PATCH.partition("@@")[0]
    ours.write("patches/0001-a.patch", head + "".join([*hunk, *(f" {x}" for x in lines[5:8])]))
    moved = "int more;\n" * 30 + "".join(lines)
    found, after = fit(series.load().patches, {"xen/a.c": moved.encode()})
    assert [one.how for one in found] == [How.OFFSET]
    assert after["xen/a.c"] == moved.replace(lines[4], "int zwei;\n").encode()


def xen(folder: Path, text: str = ORIGINAL) -> Path:
    (folder / "xen").mkdir(parents=True)
    (folder / "xen/a.c").write_text(text)
    (folder / "xen/Makefile").write_text(MAKEFILE)
    return folder


def test_a_folder_is_packed_as_git_knows_it_and_the_same_content_is_the_same_tarball(
    tmp_path: Path,
) -> None:
    plain, known = xen(tmp_path / "plain"), xen(tmp_path / "known")
    subprocess.run(["git", "init", "--quiet"], cwd=known, check=True)
    (known / ".git/info/exclude").write_text("*.o\n")
    (known / "xen/a.o").write_text("an object")
    tarballs = []
    for folder in (plain, known):
        tarballs.append(tmp_path / f"{folder.name}.tar")
        elsewhere.pack(folder, tarballs[-1])
    assert elsewhere.version_of(tarballs[0]) == "4.21-rc1"
    names = [
        subprocess.run(["tar", "-tf", path], capture_output=True, text=True, check=True).stdout
        for path in tarballs
    ]
    assert "xen/xen/a.c" in names[0]
    assert "xen/xen/a.c" in names[1]
    assert "a.o" not in names[1]
    again = tmp_path / "again.tar"
    elsewhere.pack(xen(tmp_path / "again" / "deeper"), again)
    assert sha256_of(again) == sha256_of(tarballs[0])


def test_a_series_that_does_not_apply_is_not_compiled_and_is_not_good(
    ours: Ours, tmp_path: Path
) -> None:
    with elsewhere.other(str(xen(tmp_path / "x", "int another;\n")), offline=True) as there:
        report = elsewhere.look(series.load(), ours.source, there, [arm64(controller=False)])
    assert [one.how for one in report.patches] == [How.FAILS]
    assert report.compiled == {"arm64-off": "not tried"}
    assert not report.good


def test_a_file_of_ours_that_is_there_already_is_told(ours: Ours, tmp_path: Path) -> None:
    folder = xen(tmp_path / "x")
    (folder / "xen/new").mkdir()
    (folder / "xen/new/b.c").write_text("")
    with elsewhere.other(str(folder), offline=True) as there:
        report = elsewhere.look(series.load(), ours.source, there, [])
    assert report.taken == ("xen/new/b.c",)
    assert not report.good


def test_what_does_not_compile_there_is_told_with_the_error(
    ours: Ours, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(task: object) -> None:
        raise HypervisorError("does not compile: error: x", where="a log")

    monkeypatch.setattr(elsewhere, "compile_one", fail)
    there = Other("4.21", ours.tarball, "sha")
    report = elsewhere.look(series.load(), ours.source, there, [arm64(controller=False)])
    assert report.compiled == {"arm64-off": "does not compile: error: x (a log)"}
    assert not report.good


@pytest.mark.parametrize(
    ("where", "offline", "error", "message"),
    [
        ("nonsense", False, UsageError, "no such Xen: nonsense"),
        ("no/folder", False, UsageError, "no Xen there"),
        ("4.20", True, SetupError, "which versions there are says Debian's index"),
    ],
)
def test_a_xen_that_cannot_be_had_is_said(
    where: str, offline: bool, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message), elsewhere.other(where, offline=offline):
        pass


class Pool:
    """Debian's index with these versions, of which the mirror has some."""

    def __init__(self, folder: Path, have: list[str], lacks: list[str]) -> None:
        self._folder = folder
        self._have = have
        self._lacks = lacks

    def entries(self, suite: str, package: str) -> list[SourceEntry]:
        files = {v: {f"pool/xen_{v}.orig.tar.xz": ("0" * 64, 1)} for v in self._have}
        return [SourceEntry(package, f"{v}-1", files[v]) for v in self._have]

    def fetch(self, pool: str, sha256: str, size: int) -> Path:
        if any(version in pool for version in self._lacks):
            raise NotThere("the mirror does not have this file", where=pool)
        return self._folder / Path(pool).name


@pytest.mark.parametrize(
    ("wanted", "lacks", "version"),
    [
        ("4.20", [], "4.20.4-1"),
        ("newest", [], "4.21.0-1"),
        ("newest", ["4.21.0"], "4.20.4-1"),
        ("4.20.3", [], "4.20.3-1"),
    ],
)
def test_the_newest_version_that_begins_so_and_that_the_mirror_has_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wanted: str, lacks: list[str], version: str
) -> None:
    pool = Pool(tmp_path, ["4.20.3", "4.20.4", "4.21.0"], lacks)
    monkeypatch.setattr(elsewhere, "source_entries", pool.entries)
    monkeypatch.setattr(elsewhere, "fetch_pool", pool.fetch)
    with elsewhere.other(wanted, offline=False) as found:
        assert found.name == version


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("4.2", r"Debian has no Xen 4\.2; it has: 4\.20\.3-1, 4\.21\.0-1"),
        ("4.21", "the mirror does not have its source"),
    ],
)
def test_a_version_that_is_not_to_be_had_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wanted: str, message: str
) -> None:
    pool = Pool(tmp_path, ["4.20.3", "4.21.0"], ["4.21.0"])
    monkeypatch.setattr(elsewhere, "source_entries", pool.entries)
    monkeypatch.setattr(elsewhere, "fetch_pool", pool.fetch)
    with pytest.raises(SetupError, match=message), elsewhere.other(wanted, offline=False):
        pass
