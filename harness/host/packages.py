# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian packages that the build and the tests need on this machine."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence

from harness.errors import SetupError, UsageError

# What each group is for. Names are the same in Debian 12 and 13.
NEEDED: dict[str, tuple[str, ...]] = {
    "the machine": ("qemu-system-arm", "qemu-utils", "device-tree-compiler"),
    "the cross compiler": (
        "gcc-aarch64-linux-gnu",
        "g++-aarch64-linux-gnu",
        "libc6-dev-arm64-cross",
    ),
    "building Xen and Linux": (
        "bc",
        "bison",
        "bzip2",
        "cpio",
        "flex",
        "g++",
        "gcc",
        "kmod",
        "libc6-dev",
        "libelf-dev",
        "libssl-dev",
        "make",
        "patch",
        "perl",
        "python3",
        "rsync",
        "xz-utils",
    ),
    "the images": ("debian-archive-keyring", "dpkg", "e2fsprogs", "zstd"),
    "the Android guest": ("adb", "default-jdk-headless", "libexpat1-dev", "unzip", "zip"),
    "an Android image of one's own": ("android-sdk-libsparse-utils", "mkbootimg"),
    "the harness": ("ca-certificates", "liblzo2-dev", "python3-dev", "python3-venv"),
    "tests and debugging": ("fdisk", "gdb-multiarch", "git", "shellcheck"),
}

# What only some checks and tests need, and is large or odd: harness doctor --with NAME.
EXTRA: dict[str, tuple[str, ...]] = {
    # Xen for 32-bit Arm, which the series must not break
    "arm32": ("gcc-arm-linux-gnueabihf", "libc6-dev-armhf-cross"),
    # Xen with the policy of its security module
    "flask": ("checkpolicy", "m4"),
    # Reports are looked at as a reader sees them; installed when the first such test runs
    "browser": ("chromium",),
}


def needed(extra: Sequence[str] = ()) -> tuple[str, ...]:
    """Every package, with these of EXTRA, sorted. Raises UsageError when there is no such."""
    for name in extra:
        if name not in EXTRA:
            raise UsageError(f"no packages for {name!r}", hint=f"one of {', '.join(EXTRA)}")
    groups = [*NEEDED.values(), *(EXTRA[name] for name in extra)]
    return tuple(sorted(name for group in groups for name in group))


def missing(names: Sequence[str] | None = None) -> tuple[str, ...]:
    """Those of them, or of other names, that are not installed."""
    names = needed() if names is None else names
    try:
        done = subprocess.run(
            ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *names],
            capture_output=True,
            text=True,
        )
    except FileNotFoundError as error:
        raise SetupError("no dpkg: this is not a Debian machine") from error
    installed = {
        line.split()[0] for line in done.stdout.splitlines() if line.endswith(" installed")
    }
    return tuple(name for name in names if name not in installed)


def install_command(names: Sequence[str]) -> list[str]:
    """What installs them, as root."""
    options = ["--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"]
    return ["apt-get", "install", *options, *names]


def install(names: Sequence[str], *, say: Callable[[str], None]) -> None:
    """Install packages: as root, else with sudo.

    Raises SetupError with the exact command when this user may do neither, or when it fails.
    """
    prefix = _become_root()
    command = install_command(names)
    if prefix is None:
        raise SetupError(
            f"Debian packages are missing that this user may not install: {' '.join(names)}",
            where="doctor",
            hint="as root: " + shlex.join(command),
        )
    say(f"installing Debian packages: {' '.join(names)}")
    if _run([*prefix, *command]) == 0:
        return
    # A machine that has never asked its mirror knows no package.
    update = [*prefix, "apt-get", "update"]
    say("asking the mirror for its package lists")
    if _run(update) != 0 or _run([*prefix, *command]) != 0:
        raise SetupError(
            "Debian packages cannot be installed: see apt's messages above",
            where="doctor",
            hint=f"{shlex.join(update)} && {shlex.join([*prefix, *command])}",
        )


def _become_root() -> list[str] | None:
    """What to put before a command to run it as root; None if this user cannot."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    asks = subprocess.run(["sudo", "--non-interactive", "true"], capture_output=True).returncode
    if asks == 0:
        return ["sudo", "--non-interactive"]
    # sudo may ask for a password where somebody sits.
    return ["sudo"] if sys.stdin.isatty() and sys.stderr.isatty() else None


def _run(command: list[str]) -> int:
    """Run with its output on stderr: stdout belongs to what the verb reports."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, stdout=sys.stderr.fileno(), env=environment).returncode
