# SPDX-License-Identifier: GPL-2.0-or-later
"""The file of the broker, and what it looks at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hypervisor.tool import Tool

BROKER = """
keep = 2  # MiB
idle_age = 8
domain linux weight=200 max=2048
domain a_stranger min=16
"""


def test_the_broker_looks_at_the_domains_of_its_file(tool: Tool, tmp_path: Path) -> None:
    file = tmp_path / "broker.conf"
    file.write_text(BROKER)
    done = tool.run("broker", str(file), "--dry-run", "--count", "2", "--interval", "0")
    # 4096 KiB; met once, though looked at twice.
    assert "linux: has a slice of 1024 frames" in done.stdout
    assert "stranger" not in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    "line",
    [
        *("keep", "keep = much", "keep = 1 2", "keep: 1", "step = 0", "idle_age = 16"),
        *("unheard = 1", "domain", "domain x weight=0", "domain x weight=100000"),
        *("domain x size=3", "domain x min=3 max=2", "domain linux", "domain x max=-1"),
    ],
)
def test_a_wrong_line_of_the_broker_is_named(tool: Tool, tmp_path: Path, line: str) -> None:
    file = tmp_path / "broker.conf"
    file.write_text(f"{BROKER}{line}\n")
    said = tool.run("broker", str(file), "--dry-run", "--count", "1", status=2).stderr
    assert f"{file}:6: " in said


def test_a_broker_wants_two_domains_and_a_file(tool: Tool, tmp_path: Path) -> None:
    file = tmp_path / "broker.conf"
    file.write_text("domain linux\n")
    assert "less than two domains" in tool.run("broker", str(file), status=2).stderr
    assert "No such file" in tool.run("broker", str(tmp_path / "no"), status=2).stderr
    tool.run("broker", status=2)
    tool.run("broker", str(file), "--json", status=2)
