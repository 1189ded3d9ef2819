# SPDX-License-Identifier: GPL-2.0-or-later
"""The doctor: what it finds wrong with a machine, and what it tells the user to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from harness.errors import SetupError
from harness.host import doctor, packages, venv
from harness.paths import repo_root

Usage = namedtuple("Usage", "total used free")


def no_word(text: str) -> None:
    """Tell nobody."""


def os_release(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    path = tmp_path / "os-release"
    path.write_text(text)
    monkeypatch.setattr(doctor, "OS_RELEASE", path)


@pytest.mark.parametrize("release", doctor.RELEASES)
def test_debian_is_supported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, release: str) -> None:
    os_release(monkeypatch, tmp_path, f'PRETTY_NAME="Debian"\nID=debian\nVERSION_ID="{release}"\n')
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert doctor.check_host().good


@pytest.mark.parametrize(
    ("text", "machine"),
    [
        ('PRETTY_NAME="Ubuntu 24.04"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n', "x86_64"),
        ('PRETTY_NAME="Debian 11"\nID=debian\nVERSION_ID="11"\n', "x86_64"),
        ('PRETTY_NAME="Debian 12"\nID=debian\nVERSION_ID="12"\n', "riscv64"),
        ("", "x86_64"),
    ],
)
def test_an_unsupported_host_is_named_and_nothing_else_is_tried(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, machine: str
) -> None:
    os_release(monkeypatch, tmp_path, text)
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr(packages, "install", lambda *args, **kwargs: pytest.fail("installed"))
    checks = doctor.run()
    assert [check.name for check in checks] == ["host"]
    with pytest.raises(SetupError, match="host: ") as caught:
        doctor.require(checks)
    assert machine in caught.value.message
    assert "Debian 12 or 13" in caught.value.hint
    assert caught.value.exit_code == 3


def test_a_missing_package_without_root_prints_the_exact_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packages, "missing", lambda names: ("flex", "qemu-system-arm"))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(packages, "_run", lambda command: pytest.fail(f"ran {command}"))
    with pytest.raises(SetupError, match=r"flex qemu-system-arm$") as caught:
        doctor.check_packages(True, no_word)
    assert "apt-get install --yes" in caught.value.hint
    assert caught.value.hint.endswith("flex qemu-system-arm")
    assert caught.value.exit_code == 3


def test_sudo_that_asks_for_a_password_is_no_use_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sudo = tmp_path / "sudo"
    sudo.write_text("#!/bin/sh\nexit 1\n")
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(SetupError, match="may not install"):
        packages.install(["flex"], say=no_word)


def installs(monkeypatch: pytest.MonkeyPatch, *statuses: int) -> list[str]:
    """What would have been run, with these results."""
    ran: list[str] = []
    results = list(statuses)

    def run(command: list[str]) -> int:
        ran.append(" ".join(command))
        return results.pop(0)

    monkeypatch.setattr(packages, "_run", run)
    return ran


def test_root_installs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    ran = installs(monkeypatch, 0)
    packages.install(["flex"], say=no_word)
    assert len(ran) == 1
    assert ran[0].startswith("apt-get install")


def test_a_user_installs_with_sudo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sudo = tmp_path / "sudo"
    sudo.write_text("#!/bin/sh\nexit 0\n")
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    ran = installs(monkeypatch, 0)
    packages.install(["flex"], say=no_word)
    assert ran[0].startswith("sudo --non-interactive apt-get install")


def test_a_machine_that_never_asked_its_mirror_does_so_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    ran = installs(monkeypatch, 100, 0, 0)
    packages.install(["flex"], say=no_word)
    assert [command.split()[1] for command in ran] == ["install", "update", "install"]


def test_an_installation_without_network_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    installs(monkeypatch, 100, 100)
    with pytest.raises(SetupError, match="cannot be installed") as caught:
        packages.install(["flex"], say=no_word)
    assert "apt-get update" in caught.value.hint


def test_without_leave_to_install_what_is_missing_is_only_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packages, "missing", lambda names: ("flex",))
    installs(monkeypatch)
    check = doctor.check_packages(False, no_word)
    assert not check.good
    assert "flex" in check.found


def test_a_tool_that_is_too_old_or_missing_is_bad(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tool = tmp_path / "dtc"
    tool.write_text("#!/bin/sh\necho Version: DTC 1.4.7\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    old = doctor.check_tool("dtc", (1, 6), "device trees")
    assert not old.good
    assert "1.4.7" in old.found
    assert doctor.check_tool("dtc", (1, 4), "device trees").good
    assert not doctor.check_tool("no-such-tool", (1,), "nothing").good


def test_a_full_disk_is_bad_and_a_filled_cache_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XMC_CACHE_DIR", str(tmp_path))
    free = doctor.DISK_BYTES // 2
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(0, 0, free))
    check = doctor.check_disk()
    assert not check.good
    assert "XMC_CACHE_DIR" in check.fix
    monkeypatch.setattr(doctor, "_used_bytes", lambda path: doctor.DISK_BYTES)
    assert doctor.check_disk().good
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(0, 0, 1 << 20))
    assert not doctor.check_disk().good


def test_too_little_memory_is_bad(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:        2048000 kB\n")
    monkeypatch.setattr(doctor, "MEMINFO", meminfo)
    assert not doctor.check_memory().good


def test_a_missing_keyring_is_bad(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "KEYRING", tmp_path / "nothing.gpg")
    assert "debian-archive-keyring" in doctor.check_keyring().fix


def test_a_mirror_that_is_gone_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XMC_DEBIAN_MIRROR", "http://127.0.0.1:9/debian")
    check = doctor.check_mirror(True)
    assert not check.good
    assert "XMC_DEBIAN_MIRROR" in check.fix
    assert doctor.check_mirror(False).good


def test_all_that_is_bad_is_in_one_message() -> None:
    checks = [
        doctor.Check("a", True, "x"),
        doctor.Check("b", False, "y", "do b"),
        doctor.Check("c", False, "z", "do c"),
    ]
    with pytest.raises(SetupError, match="b: y") as caught:
        doctor.require(checks)
    assert caught.value.hint == "do b"
    assert caught.value.context == ("c: z; do c",)


def test_the_host_part_needs_nothing_but_the_standard_library() -> None:
    """It is what makes the virtual environment: -S -I keeps every site-packages out."""
    code = (
        f"import sys; sys.path.insert(0, {str(repo_root())!r})\n"
        "import harness.host.__main__, harness.host.doctor, harness.host.venv\n"
        "import harness.sources.mirror\n"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('rich', 'typer', 'numpy')))\n"
    )
    done = subprocess.run([sys.executable, "-S", "-I", "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_an_environment_that_cannot_be_filled_is_one_error_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copy(repo_root() / "pyproject.toml", tmp_path)
    monkeypatch.setattr(venv, "repo_root", lambda: tmp_path)

    def run(command: list[str], failure: str) -> None:
        if "install" in command:
            raise SetupError(failure)

    monkeypatch.setattr(venv, "_run", run)
    with pytest.raises(SetupError, match="cannot be installed"):
        venv.ensure(say=no_word)
    assert not (tmp_path / ".venv" / venv.STAMP).exists()

    ran: list[list[str]] = []
    monkeypatch.setattr(venv, "_run", lambda command, failure: ran.append(command))
    venv.ensure(say=no_word)
    assert len(ran) == 2
    venv.ensure(say=no_word)
    assert len(ran) == 2
    with (tmp_path / "pyproject.toml").open("a") as file:
        file.write("\n")
    venv.ensure(say=no_word)
    # Brought up to date in place: somebody may be using it.
    assert "--clear" not in ran[2]
    assert len(ran) == 3
