# SPDX-License-Identifier: GPL-2.0-or-later
"""The cache: what is in it is whole, or made again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.errors import MachineError, SetupError
from harness.sources import cache
from harness.sources.cache import digest_of, find, obtain


@pytest.fixture(autouse=True)
def cache_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XMC_CACHE_DIR", str(tmp_path / "cache"))
    cache.forget_verified()
    return tmp_path / "cache"


class Maker:
    """Makes two files and a link, and counts how often."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, folder: Path) -> None:
        self.made += 1
        (folder / "sub").mkdir()
        (folder / "image").write_bytes(b"image" * 1000)
        (folder / "sub/syms").write_bytes(b"symbols")
        (folder / "link").symlink_to("image")


def test_an_object_is_made_once() -> None:
    make = Maker()
    path, was_there = obtain("xen", "d1", make)
    again, was_there_again = obtain("xen", "d1", make)
    assert (path, was_there, was_there_again, make.made) == (again, False, True, 1)


def test_another_process_trusts_a_whole_object() -> None:
    make = Maker()
    obtain("xen", "d1", make)
    cache.forget_verified()
    assert obtain("xen", "d1", make)[1] is True
    assert make.made == 1


def test_the_manifest_is_what_sha256sum_checks() -> None:
    path, _ = obtain("xen", "d1", Maker())
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "COMPLETE"], cwd=path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "sub/syms: OK" in done.stdout


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: os.truncate(path / "image", 100),
        lambda path: (path / "image").write_bytes(b"IMAGE" * 1000),
        lambda path: (path / "image").unlink(),
        lambda path: (path / "link").unlink(),
        lambda path: os.truncate(path / "COMPLETE", 0),
        lambda path: os.truncate(path / "COMPLETE", 40),
        lambda path: (path / "COMPLETE").write_bytes(b"\xff\xfe"),
        lambda path: (path / "COMPLETE").unlink(),
    ],
    ids=["truncated", "changed", "gone", "link", "empty", "short", "garbage", "unfinished"],
)
def test_a_damaged_object_is_made_again(harm) -> None:  # type: ignore[no-untyped-def]
    make = Maker()
    path, _ = obtain("xen", "d1", make)
    harm(path)
    cache.forget_verified()
    assert find("xen", "d1") is None
    again, was_there = obtain("xen", "d1", make)
    assert (again, was_there, make.made) == (path, False, 2)
    assert (path / "image").read_bytes() == b"image" * 1000
    assert cache.damage(path) == ""


def test_a_failed_step_leaves_nothing(cache_dir: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise MachineError("compiler crashed")

    with pytest.raises(MachineError, match="compiler crashed"):
        obtain("xen", "d1", fail)
    assert find("xen", "d1") is None
    assert list((cache_dir / "tmp").iterdir()) == []


def test_a_killed_process_leaves_nothing_that_is_trusted(cache_dir: Path) -> None:
    code = (
        "import time; from harness.sources.cache import obtain\n"
        "def make(folder):\n"
        "    (folder / 'half').write_text('half'); time.sleep(60)\n"
        "obtain('xen', 'd1', make)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code])
    end = time.monotonic() + 20
    while not list(cache_dir.glob("tmp/*/half")):
        assert time.monotonic() < end
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()

    path, was_there = obtain("xen", "d1", Maker())
    assert not was_there
    assert not (path / "half").exists()
    assert list((cache_dir / "tmp").iterdir()) == []


def test_two_processes_make_an_object_once(tmp_path: Path) -> None:
    code = (
        "import os, sys, time; from harness.sources.cache import obtain\n"
        "def make(folder):\n"
        "    with open(sys.argv[1], 'a') as log: log.write('made\\n')\n"
        "    time.sleep(0.3); (folder / 'image').write_text('x')\n"
        "obtain('xen', 'd1', make)\n"
    )
    log = tmp_path / "log"
    children = [subprocess.Popen([sys.executable, "-c", code, str(log)]) for _ in range(3)]
    assert [child.wait(30) for child in children] == [0, 0, 0]
    assert log.read_text() == "made\n"


def test_no_space_left_is_one_clear_message(cache_dir: Path) -> None:
    def fill(folder: Path) -> None:
        (folder / "half").write_text("half")
        # The kernel's own word for it.
        Path("/dev/full").write_bytes(b"x")

    with pytest.raises(SetupError, match="no space left") as caught:
        obtain("xen", "d1", fill)
    assert caught.value.exit_code == 3
    assert str(cache_dir) in caught.value.where
    assert "XMC_CACHE_DIR" in caught.value.hint
    assert list((cache_dir / "tmp").iterdir()) == []


def test_a_tool_that_failed_on_a_full_disk_is_no_space_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(folder: Path) -> None:
        monkeypatch.setattr(cache, "_free_bytes", lambda: 4096)
        raise SetupError("ld failed with status 1")

    with pytest.raises(SetupError, match="no space left"):
        obtain("xen", "d1", fail)


def test_a_cache_that_is_a_file_is_an_error_of_setup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("XMC_CACHE_DIR", str(file))
    with pytest.raises(SetupError, match="cache may not be written") as caught:
        obtain("xen", "d1", Maker())
    assert str(file) in caught.value.where


def test_digest_changes_with_every_input(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    file = folder / "a.c"
    file.write_text("int a;")

    def digest(version: str = "1") -> str:
        return digest_of({"version": version, "source": folder})

    seen = {digest(), digest("2")}
    file.write_text("int b;")
    seen.add(digest())
    file.chmod(0o755)
    seen.add(digest())
    file.rename(folder / "b.c")
    seen.add(digest())
    (folder / "c.c").symlink_to("b.c")
    seen.add(digest())
    assert len(seen) == 6
    assert digest() == digest()


def test_an_input_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="missing") as caught:
        digest_of({"source": tmp_path / "nothing"})
    assert "nothing" in caught.value.where
