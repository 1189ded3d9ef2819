# SPDX-License-Identifier: GPL-2.0-or-later
"""Our C programs: the same bytes wherever they are compiled, and static."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.build.elf import Elf
from harness.build.step import CROSS_COMPILE, Built
from harness.build.tools import CONTROL, MEMLOAD, build_control, build_memload
from harness.paths import repo_root
from harness.sources.cache import forget_verified


def in_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XMC_CACHE_DIR", str(folder))
    forget_verified()


@pytest.mark.parametrize("cc", ["cc", f"{CROSS_COMPILE}gcc"])
def test_memload_is_static_and_reproducible(
    cc: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = []
    for name in ("one", "two"):
        in_cache(tmp_path / name, monkeypatch)
        programs.append((build_memload(cc).path / MEMLOAD).read_bytes())
    assert programs[0] == programs[1]
    assert Elf(programs[0]).interpreter == ""


def test_dom0s_tool_does_not_know_where_it_was_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "repo/xen-patches/tools/tool.c"
    source.parent.mkdir(parents=True)
    source.write_text("#include <xen/abi.h>\nint main(void) { return abi(); }\n")
    monkeypatch.setattr("harness.build.tools.repo_root", lambda: tmp_path / "repo")
    programs = []
    for name in ("one", "two"):
        in_cache(tmp_path / name, monkeypatch)
        header = tmp_path / name / "xen-object/include/xen/abi.h"
        header.parent.mkdir(parents=True)
        header.write_text("static inline int abi(void) { return 0; }\n")
        built = build_control(Built("xen", tmp_path / name / "xen-object", "digest"))
        assert built is not None
        programs.append((built.path / CONTROL).read_bytes())
    assert programs[0] == programs[1]
    assert str(tmp_path).encode() not in programs[0]


def test_without_sources_there_is_no_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.build.tools.repo_root", lambda: tmp_path)
    assert build_control(Built("xen", tmp_path, "digest")) is None


def test_the_drivers_lines_are_counted_and_under_what_its_readme_says() -> None:
    folder = repo_root() / "guest-drivers/linux"
    counted = int(
        subprocess.run(
            ["make", "-s", "-C", str(folder), "lines"], capture_output=True, text=True, check=True
        ).stdout
    )
    assert 500 < counted < 1300
    assert "under 1 300 lines of code" in (folder / "README.md").read_text()
