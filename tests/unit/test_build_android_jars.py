# SPDX-License-Identifier: GPL-2.0-or-later
"""Jars as ART wants them, AOSP's lists of sources, and what a zygote preloads."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.build.android import jars
from harness.build.android.blueprint import parse_filegroups, resolve
from harness.errors import SetupError


def make_jar(path: Path, contents: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as jar:
        for name, content in contents.items():
            jar.writestr(name, content)
    return path


def data_offset(jar: Path, name: str) -> int:
    """Where the content of an entry begins in the file."""
    with zipfile.ZipFile(jar) as archive:
        start = archive.getinfo(name).header_offset
    header = jar.read_bytes()[start : start + 30]
    return (
        start
        + 30
        + int.from_bytes(header[26:28], "little")
        + int.from_bytes(header[28:30], "little")
    )


@given(name=st.text("abcdefg", min_size=1, max_size=9), size=st.integers(0, 300))
def test_dex_files_are_stored_and_aligned(
    tmp_path_factory: pytest.TempPathFactory, name: str, size: int
) -> None:
    folder = tmp_path_factory.mktemp("jar")
    jar = make_jar(folder / "x.jar", {name: bytes(size), "classes.dex": b"dex\n" * 50})
    jars.normalise(jar)
    with zipfile.ZipFile(jar) as archive:
        assert archive.getinfo("classes.dex").compress_type == zipfile.ZIP_STORED
        assert archive.read("classes.dex") == b"dex\n" * 50
        assert archive.read(name) == bytes(size)
    assert data_offset(jar, "classes.dex") % jars.ALIGNMENT == 0


def test_a_normalised_jar_does_not_tell_when_and_in_which_order_it_was_made(
    tmp_path: Path,
) -> None:
    one = make_jar(tmp_path / "1.jar", {"a": b"1", "classes.dex": b"2"})
    two = tmp_path / "2.jar"
    with zipfile.ZipFile(two, "w") as jar:
        for name, content in (("classes.dex", b"2"), ("a", b"1")):
            jar.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content)
    jars.normalise(one)
    jars.normalise(two)
    assert one.read_bytes() == two.read_bytes()


def test_class_names_of_a_jar_and_of_a_folder_are_the_same(tmp_path: Path) -> None:
    jar = make_jar(tmp_path / "x.jar", {"a/B.class": b"", "a/B$C.class": b"", "a/x.txt": b""})
    for name in ("a/B.class", "a/B$C.class", "module-info.class"):
        file = tmp_path / "folder" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert jars.class_names(jar) == jars.class_names(tmp_path / "folder") == ["a.B", "a.B$C"]


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        ("a.*", ["a.X", "a.X$Y"]),
        ("a.**", ["a.X", "a.X$Y", "a.b.Z"]),
        ("a.*\n!a.X", []),
        ("a.b.Z # only this", ["a.b.Z"]),
        ("# none", []),
    ],
)
def test_patterns_choose_the_classes_to_preload(patterns: str, chosen: list[str]) -> None:
    assert jars.preload_list(patterns, ["a.b.Z", "a.X", "a.X$Y", "ab.X"]) == chosen


BLUEPRINT = """
// filegroup { name: "no", srcs: ["no"] }
filegroup {
    name: "all",
    srcs: [
        "a.java",  // first
        ":part",
        "a.java",
    ],
}
filegroup { name: "part", srcs: ["b.java"] }
"""


def test_file_groups_are_read_with_their_references() -> None:
    groups = parse_filegroups(BLUEPRINT)
    assert set(groups) == {"all", "part"}
    assert resolve(groups, "all") == ["a.java", "b.java"]


def test_a_missing_file_group_is_named() -> None:
    with pytest.raises(SetupError, match="'other'"):
        resolve(parse_filegroups('filegroup { name: "x", srcs: [":other"] }'), "x")
