# SPDX-License-Identifier: GPL-2.0-or-later
"""How the tool is used: errors and what to do, help, the manual."""

from __future__ import annotations

import errno
import re

import pytest

from harness.build.xen import patches_dir
from tests.hypervisor.tool import Tool

VERBS = [
    "broker",
    *("list", "show", "watch", "enable", "set", "compress", "restore", "sweep", "off"),
    *("histogram", "states", "dump-object", "classes"),
]


@pytest.mark.parametrize("verb", ["list", "show", "compress", "histogram"])
def test_a_xen_without_the_controller_has_its_own_status(tool: Tool, verb: str) -> None:
    words = [verb] if verb == "list" else [verb, "3"]
    said = tool.run(*words, error=errno.ENOSYS, status=3).stderr
    assert "CONFIG_MEM_COMPRESS" in said


@pytest.mark.parametrize(
    ("error", "words", "status", "advice"),
    [
        (errno.EPERM, ["compress", "3"], 1, "run this as root"),
        (errno.EACCES, ["show", "3"], 1, "domain2:mem_compress_op"),
        (errno.EINVAL, ["compress", "3"], 1, "build it from the same tree"),
        (errno.EEXIST, ["enable", "3"], 1, "use set"),
        (errno.ENODEV, ["enable", "3"], 3, "take mem_compress=no from"),
        (errno.ESRCH, ["show", "3"], 4, "No such process: see xl list"),
        (errno.EOPNOTSUPP, ["compress", "3"], 5, "before the domain first runs"),
        (errno.EOPNOTSUPP, ["enable", "3"], 5, "kind of domain"),
        (errno.EBUSY, ["enable", "3"], 6, "xl create -p"),
        (errno.ENOMEM, ["enable", "3"], 6, "reserve cannot be filled"),
        (errno.ENOMEM, ["compress", "3"], 6, "free some host memory"),
        (errno.EAGAIN, ["dump-object", "3", "5", "-o", "/dev/null"], 6, "try again"),
    ],
)
def test_errors_come_with_what_to_do(
    tool: Tool, error: int, words: list[str], status: int, advice: str
) -> None:
    done = tool.run(*words, error=error, status=status)
    assert advice in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["frobnicate"],
        ["show"],
        ["show", "70000"],
        ["enable", "3", "speed=9"],
        ["enable", "3", "crc=2"],
        ["enable", "3", "codec=zstd"],
        ["enable", "3", "sweep_ms="],
        ["enable", "3", "sweep_ms=-1"],
        ["compress", "3", "--max"],
        ["compress", "3", "--frob"],
        ["states", "3"],
        ["dump-object", "3", "-o", "/dev/null"],
        ["dump-object", "3", "12x", "-o", "/dev/null"],
        ["show", "3", "4"],
        ["show", "3", "--max", "5"],
        ["restore", "3", "--min-age", "2"],
        ["off"],
        ["set", "3"],
        ["set", "3", "sweep=4"],
        ["set", "3", "crc"],
    ],
    ids=" ".join,
)
def test_wrong_usage_has_its_own_status(tool: Tool, words: list[str]) -> None:
    done = tool.run(*words, status=2)
    assert "xen-memcompress" in done.stderr


def test_help_teaches(tool: Tool) -> None:
    text = tool.run("--help").stdout
    assert all(f"\n  {verb} " in text for verb in VERBS)
    assert "first steps:" in text
    assert "exit status:" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_of_its_own(tool: Tool, verb: str) -> None:
    text = tool.run(verb, "--help").stdout
    assert text.startswith(f"usage: xen-memcompress {verb}")
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("verb", ["enable", "set"])
def test_help_describes_every_key(tool: Tool, verb: str) -> None:
    text = tool.run(verb, "--help").stdout
    for key in (
        "sweep_ms",
        "max_compressed",
        "max_store_pages",
        "max_held",
        "crc",
        "guest_ops",
        "sw_af",
        "codec_only",
        "codec",
    ):
        assert f"\n  {key} " in text


def test_the_manual_has_every_verb_and_every_setting(tool: Tool) -> None:
    """What was asked for is there, and what the tool's own help names is in its manual."""
    manual = (patches_dir() / "files/docs/man/xen-memcompress.8.pod").read_text()
    verbs, settings = (
        set(re.findall(r"^=item B<([\w-]+)>", manual.partition(part)[2].split("=head1")[0], re.M))
        for part in ("=head1 VERBS", "=head1 SETTINGS")
    )
    usage = tool.run("--help").stdout
    assert verbs == set(re.findall(r"^  ([a-z][\w-]+) {2,}\S", usage, re.MULTILINE))
    assert verbs >= {"list", "show", "set", "compress", "restore", "dump-object", "histogram"}
    assert verbs >= {"watch", "off"}
    told = tool.run("set", "--help").stdout
    assert settings == set(re.findall(r"^ +(\w+) {2,}\S", told, re.MULTILINE))
