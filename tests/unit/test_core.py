# SPDX-License-Identifier: GPL-2.0-or-later
"""Errors, deadlines, paths, progress: what everything else leans on."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from harness import errors, paths
from harness.deadline import Deadline, DeadlineExceeded
from harness.errors import HarnessError, SetupError
from harness.progress import step, warn


def test_every_kind_of_error_has_its_own_exit_code() -> None:
    kinds: list[type[HarnessError]] = [HarnessError, *HarnessError.__subclasses__()]
    assert sorted(kind.exit_code for kind in kinds) == list(range(1, 9))
    assert all(kind.__name__ in (errors.__doc__ or "") for kind in kinds)


def test_a_message_says_what_where_and_what_next() -> None:
    error = SetupError("no mirror", where="apt", hint="name one", context=["a", "b"])
    assert str(error) == "no mirror (apt); next: name one"
    assert error.context == ("a", "b")
    assert str(SetupError("no mirror")) == "no mirror"


def test_a_deadline_says_what_it_waited_for_and_what_it_last_saw() -> None:
    Deadline(60).check("anything")
    passed = Deadline(0)
    assert passed.expired
    assert passed.remaining_s() == 0
    with pytest.raises(DeadlineExceeded, match="for dom0 to boot; last seen: Loading") as caught:
        passed.check("dom0 to boot", last_seen="Loading")
    assert caught.value.exit_code == 5
    assert not Deadline(float("inf")).expired


def test_the_cache_is_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XMC_CACHE_DIR", str(tmp_path / "a"))
    assert paths.cache_dir() == tmp_path / "a"
    monkeypatch.delenv("XMC_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert paths.cache_dir() == tmp_path / "xen-memcompress"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert paths.cache_dir() == tmp_path / ".cache/xen-memcompress"


def test_steps_are_plain_lines_away_from_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with step("xen: build") as outer:
        outer.note("compiling")
        with step("inner") as inner:
            inner.cached()
        warn("careful")
    with pytest.raises(SetupError), step("broken"):
        raise SetupError("no")
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = [line.split(" ", 1)[1] for line in captured.err.splitlines()]
    assert lines[:4] == [
        "xen: build ...",
        "xen: build: compiling",
        "inner ...",
        "inner: unchanged, 0.0 s",
    ]
    assert lines[4:] == [
        "warning: careful",
        "xen: build: done, 0.0 s",
        "broken ...",
        "broken: FAILED after 0.0 s",
    ]


def test_steps_are_live_on_a_terminal_and_stdout_stays_clean() -> None:
    code = (
        "import time\n"
        "from harness.progress import step, warn\n"
        "with step('outer') as o:\n"
        "    with step('in[n]er') as s: s.note('[b]'); time.sleep(0.3); warn('care[ful]')\n"
        "print('result')\n"
    )
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=theirs, text=True
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux: the last one has closed the other side
            break
        if not part:
            break
        shown += part
    os.close(ours)
    out, _ = child.communicate(timeout=30)
    assert (child.returncode, out) == (0, "result\n")
    assert b"in[n]er" in shown
    assert b"care[ful]" in shown
    assert "✓".encode() in shown
