# SPDX-License-Identifier: GPL-2.0-or-later
"""The checks of this machine, in the order in which they make sense."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError, SetupError
from harness.host import packages
from harness.paths import cache_dir

GIB = 1 << 30
# A cold build of everything, with what is downloaded for it.
DISK_BYTES = 15 * GIB
# What is left of that need when everything is built: run folders and overlays.
DISK_WARM_BYTES = 2 * GIB
# The default profile's board, and a link of the kernel beside it.
MEMORY_BYTES = 4 * GIB
MACHINES = ("x86_64",)
RELEASES = ("12", "13")
PYTHON = (3, 11)
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
OS_RELEASE = Path("/etc/os-release")
MEMINFO = Path("/proc/meminfo")

# tool, its oldest version that is known to do, and why not older
TOOLS: tuple[tuple[str, tuple[int, ...], str], ...] = (
    ("qemu-system-aarch64", (7, 2), "the board's virtualization and guest-loader"),
    ("qemu-img", (7, 2), "overlays"),
    ("aarch64-linux-gnu-gcc", (12,), "Xen 4.20 and Linux 6.12"),
    ("gcc", (12,), "host tools, and the controller's host tests"),
    ("make", (4, 3), "Xen and Linux"),
    ("dtc", (1, 6), "Xen's device tree"),
)


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found."""

    name: str
    good: bool
    found: str
    fix: str = ""
    """What to do; empty when good."""


def run(
    *,
    install: bool = True,
    network: bool = True,
    extra: Sequence[str] = (),
    say: Callable[[str], None] | None = None,
) -> list[Check]:
    """All checks; missing packages are installed on the way.

    install: install what is missing, else only report it
    network: ask the mirror whether it is there
    extra:   of packages.EXTRA, what is needed besides
    say:     told what is being done, where that takes time
    """
    checks: list[Check] = []
    for check in _checks(install, network, extra, say or (lambda text: None)):
        checks.append(check)
        if not check.good and check.name in ("host", "python"):
            break  # on another system the rest would be misleading
    return checks


def require(checks: list[Check]) -> None:
    """Raise SetupError for what is not good: one message with all of it."""
    bad = [check for check in checks if not check.good]
    if bad:
        raise SetupError(
            f"this machine is not fit: {bad[0].name}: {bad[0].found}",
            where="doctor",
            hint=bad[0].fix,
            context=[f"{check.name}: {check.found}; {check.fix}" for check in bad[1:]],
        )


def _checks(
    install: bool, network: bool, extra: Sequence[str], say: Callable[[str], None]
) -> Iterator[Check]:
    yield check_host()
    yield check_python()
    yield check_packages(install, say, extra)
    for tool, oldest, reason in TOOLS:
        yield check_tool(tool, oldest, reason)
    yield check_disk()
    yield check_memory()
    yield check_keyring()
    yield check_mirror(network)


def check_host() -> Check:
    """Debian 12 or 13 on x86_64."""
    try:
        text = OS_RELEASE.read_text()
    except OSError:
        text = ""
    fields = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', text, re.MULTILINE))
    found = f"{fields.get('PRETTY_NAME', 'unknown system')}, {platform.machine()}"
    good = (
        fields.get("ID") == "debian"
        and fields.get("VERSION_ID") in RELEASES
        and platform.machine() in MACHINES
    )
    return Check("host", good, found, "" if good else "use Debian 12 or 13 on x86_64")


def check_python() -> Check:
    """The interpreter that runs this."""
    found = platform.python_version()
    good = sys.version_info[:2] >= PYTHON
    return Check("python", good, found, "" if good else "run it with Debian's /usr/bin/python3")


def check_packages(install: bool, say: Callable[[str], None], extra: Sequence[str] = ()) -> Check:
    """Debian packages: installs what is missing, if it may."""
    missing = packages.missing(packages.needed(extra))
    if missing and install:
        packages.install(missing, say=say)
        missing = packages.missing(packages.needed(extra))
    if missing:
        command = " ".join(packages.install_command(missing))
        return Check("packages", False, f"missing: {' '.join(missing)}", f"as root: {command}")
    return Check("packages", True, f"all {len(packages.needed(extra))} installed")


def check_tool(tool: str, oldest: tuple[int, ...], reason: str) -> Check:
    """A tool is there and not too old: another one may come first in PATH."""
    path = shutil.which(tool)
    if path is None:
        return Check(tool, False, "not found in PATH", "run harness doctor, or mend PATH")
    done = subprocess.run([path, "--version"], capture_output=True, text=True)
    match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", done.stdout + done.stderr)
    if done.returncode or not match:
        return Check(tool, False, f"{path} does not say its version", f"needed for {reason}")
    version = tuple(int(part) for part in match.groups() if part)
    good = version >= oldest
    wanted = ".".join(map(str, oldest))
    fix = "" if good else f"needs {wanted} or newer for {reason}; another may come first in PATH"
    return Check(tool, good, f"{match[0]} ({path})", fix)


def check_disk() -> Check:
    """Room for the cache, or a cache that is filled already."""
    cache = cache_dir()
    there = next(path for path in (cache, *cache.parents) if path.exists())
    free = shutil.disk_usage(there).free
    good = free >= DISK_BYTES
    if not good and free >= DISK_WARM_BYTES:
        good = free + _used_bytes(cache) >= DISK_BYTES
    found = f"{free / GIB:.1f} GiB free for {cache}"
    fix = f"needs {DISK_BYTES // GIB} GiB; XMC_CACHE_DIR may name a directory on another disk"
    return Check("disk", good, found, "" if good else fix)


def check_memory() -> Check:
    """Enough for the board and the build."""
    match = re.search(r"^MemTotal:\s+(\d+) kB", MEMINFO.read_text(), re.MULTILINE)
    total = int(match[1]) * 1024 if match else 0
    # What the kernel keeps for itself is not in MemTotal.
    good = total >= MEMORY_BYTES * 0.9
    fix = "" if good else f"needs {MEMORY_BYTES // GIB} GiB"
    return Check("memory", good, f"{total / GIB:.1f} GiB", fix)


def check_keyring() -> Check:
    """What the mirror's indexes are verified with."""
    good = KEYRING.exists()
    fix = "" if good else "as root: apt-get install debian-archive-keyring"
    return Check("keyring", good, str(KEYRING) if good else f"{KEYRING} is missing", fix)


def check_mirror(network: bool) -> Check:
    """apt names a mirror, and it answers."""
    # Not at the top: it needs a newer Python than check_python() can complain about.
    from harness.sources import mirror

    try:
        url = mirror.mirror()
        if network:
            mirror.probe(f"{url}/dists/trixie/InRelease")
    except HarnessError as error:
        where = f" ({error.where})" if error.where else ""
        return Check("mirror", False, error.message + where, error.hint or "try again")
    return Check("mirror", True, url if network else f"{url} (not asked)")


def _used_bytes(directory: Path) -> int:
    total = 0
    for base, _, files in os.walk(directory):
        for name in files:
            total += os.lstat(os.path.join(base, name)).st_size
    return total
