# SPDX-License-Identifier: GPL-2.0-or-later
"""The Android recipe: what is read, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.build.android import recipe, sources
from harness.build.android.recipe import Install, Link, parse_files
from harness.build.android.sources import member_path, patches_of, wanted
from harness.errors import SetupError
from harness.paths import repo_root
from harness.sources.mirror import NotThere

FOLDER = repo_root() / "images/android"


def broken(tmp_path: Path, old: str, new: str) -> Path:
    """The shipped recipe with one thing changed."""
    text = (FOLDER / "recipe.toml").read_text("utf-8")
    assert old in text
    (tmp_path / "recipe.toml").write_text(text.replace(old, new, 1), "utf-8")
    return tmp_path


def test_the_shipped_recipe_has_applications_with_licences_and_every_source() -> None:
    shipped = recipe.load(FOLDER)
    # As many as may be alive at once, and then some: one that runs twice would be no other.
    assert len({app.name for app in shipped.applications}) == len(shipped.applications) >= 12
    assert all(app.licence for app in shipped.applications)
    assert {"art", "libcore", "tools", "system-core", "androguard"} <= set(shipped.archives)


def test_every_folder_of_patches_belongs_to_an_archive_and_says_why() -> None:
    shipped = recipe.load(FOLDER)
    for folder in (FOLDER / "patches").iterdir():
        assert folder.name in shipped.archives
        for patch in patches_of(shipped, folder.name):
            assert patch.read_text("utf-8").startswith("Why: "), patch.name


def test_no_patch_is_left_out_by_its_name() -> None:
    shipped = recipe.load(FOLDER)
    for folder in (FOLDER / "patches").iterdir():
        assert len(patches_of(shipped, folder.name)) == len(list(folder.iterdir()))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[packages.guest]", "[packages.guest", "cannot be read"),
        ('pool = "pool/', 'pool = "/pool/', "not a path in the pool"),
        ('sha256 = "75ff', 'sha256 = "XXff', "not a sha256"),
        ("bookworm = [", "bullseye = [", "bullseye"),
        ("heap_kib = 4608", 'heap_kib = "much"', "wrong"),
        ("strip = 0", "skip = 0", "strip"),
    ],
)
def test_a_wrong_recipe_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(SetupError) as failed:
        recipe.load(broken(tmp_path, old, new))
    assert said in str(failed.value)
    assert "recipe.toml" in str(failed.value)


def test_a_guest_with_one_application_is_refused(tmp_path: Path) -> None:
    text = (FOLDER / "recipe.toml").read_text("utf-8")
    head, *applications = text.split("[[application]]")
    (tmp_path / "recipe.toml").write_text(f"{head}[[application]]{applications[0]}", "utf-8")
    with pytest.raises(SetupError, match="at least two applications"):
        recipe.load(tmp_path)


def test_a_recipe_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"recipe\.toml"):
        recipe.load(tmp_path)


@pytest.fixture
def empty_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror that has dropped everything."""

    def gone(pool: str, sha256: str, size: int, *, offline: bool) -> Path:
        raise NotThere("404", where=f"mirror/{pool}")

    monkeypatch.setattr(sources, "fetch_pool", gone)


@pytest.mark.usefixtures("empty_mirror")
def test_a_source_that_the_mirror_has_dropped_is_named_with_what_to_do() -> None:
    shipped = recipe.load(FOLDER)
    only_old = replace(shipped, archives={"system-core": shipped.archives["system-core"]})
    with pytest.raises(SetupError) as failed:
        sources.fetch(only_old)
    said = str(failed.value)
    assert "android-platform-system-core_10.0.0+r36.orig.tar.xz" in said
    assert "lmkd" in said
    assert "XMC_DEBIAN_MIRROR" in failed.value.hint


@pytest.mark.usefixtures("empty_mirror")
def test_a_package_that_only_unstable_has_is_named_with_what_became_of_it() -> None:
    with pytest.raises(SetupError, match=r"package libandroid-23-java .* newer revision"):
        sources.fetch(replace(recipe.load(FOLDER), archives={}))


def test_lines_of_files_txt_are_files_or_links() -> None:
    text = "# comment\n\ntrixie usr/bin/x usr/bin # why\nlink a/b c\n"
    assert parse_files(text) == [Install("trixie", "usr/bin/x", "usr/bin"), Link("a/b", "c")]


@pytest.mark.parametrize("line", ["trixie usr/bin/x", "sid usr/bin/x usr/bin", "link a b c"])
def test_a_wrong_line_of_files_txt_is_named(line: str) -> None:
    with pytest.raises(SetupError, match=r"files\.txt:2"):
        parse_files(f"# first\n{line}\n")


def test_the_shipped_files_txt_is_understood() -> None:
    entries = parse_files((FOLDER / "files.txt").read_text("utf-8"))
    assert any(isinstance(entry, Link) for entry in entries)


@pytest.mark.parametrize(
    ("name", "strip", "path"),
    [("./a/b.c", 0, "a/b.c"), ("top/a/b.c", 1, "a/b.c"), ("top", 1, ""), ("./", 0, "")],
)
def test_members_lose_their_leading_folders(name: str, strip: int, path: str) -> None:
    assert member_path(name, strip) == path


def test_only_wanted_parts_of_an_archive_are_unpacked() -> None:
    parts = ("*.bp", "luni/src/main")
    assert wanted("Android.bp", parts)
    assert wanted("luni/src/main/java/A.java", parts)
    assert not wanted("luni/src/mainframe/A.java", parts)
    assert not wanted("luni/Android.bp", parts)
