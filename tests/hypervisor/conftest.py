# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs of this folder, compiled once a session for each way of looking at them."""

from __future__ import annotations

import os
import subprocess
import tarfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pytest

from harness.build import packages
from harness.build.linux_files import import_files
from harness.build.patches import read_series
from harness.build.worktree import changed_files
from harness.build.xen import patches_dir
from harness.sources import fetch_source
from tests.hypervisor.tool import Tool

HERE = Path(__file__).parent
PUBLIC = "xen/include/public/"


class Variant(StrEnum):
    """How the programs are compiled; see the Makefile."""

    ASAN = "asan"  # AddressSanitizer and UndefinedBehaviorSanitizer
    TSAN = "tsan"  # ThreadSanitizer
    COVERAGE = "cov"
    FAST = "fast"


@dataclass(frozen=True, slots=True)
class Programs:
    """The compiled programs. ``folder`` is where they and their objects are."""

    folder: Path

    def run(self, name: str, *arguments: str, given: bytes = b"", timeout_s: float = 300) -> bytes:
        """What the program prints; fails the test with its last words if it fails."""
        done = subprocess.run(
            [self.folder / name, *arguments],
            input=given,
            capture_output=True,
            timeout=timeout_s,
            check=False,
            # A report is a failure; nothing of the caller's settings may hide it.
            env={"PATH": os.environ["PATH"], "ASAN_OPTIONS": "abort_on_error=1"},
        )
        if done.returncode != 0:
            words = done.stderr.decode("utf-8", "replace").splitlines()
            pytest.fail("\n".join([f"{name}: status {done.returncode}", *words[-60:]]))
        return done.stdout


class Workshop:
    """Compiles each variant when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[Variant, Programs] = {}

    def programs(self, variant: Variant) -> Programs:
        """All programs, compiled that way."""
        if variant not in self._made:
            self._make(f"LINUX={_linux()}", f"VARIANT={variant}", "all")
            self._made[variant] = Programs(self._folder / variant)
        return self._made[variant]

    def tool(self) -> Path:
        """xen-memcompress above fake_xen.c."""
        headers = public_headers(self._folder / "include")
        self._make(f"XEN={headers}", "tool")
        return self._folder / "tool" / "xen-memcompress"

    def _make(self, *arguments: str) -> None:
        jobs = len(os.sched_getaffinity(0))
        done = subprocess.run(
            ["make", "-s", "-C", HERE, f"-j{jobs}", f"BUILD={self._folder}", *arguments],
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode != 0:
            pytest.fail(f"make failed:\n{done.stdout[-4000:]}{done.stderr[-8000:]}")


def _linux() -> Path:
    """Linux's LZO, the very files that go into Xen, by their names in Linux."""
    source = packages.fetch(["linux-source-6.12"], dependencies=False)
    return import_files(source.paths[0], source.hashes[0]).path


def public_headers(folder: Path) -> Path:
    """Xen's public headers with our patches, as <xen/...>; Xen itself is not built."""
    tarball = fetch_source("xen").path
    overlay = patches_dir() / "files"
    ours: dict[str, bytes | None] = {
        path.relative_to(overlay).as_posix(): path.read_bytes()
        for path in overlay.rglob("*")
        if path.is_file()
    }
    headers: dict[str, bytes | None] = {}
    with tarfile.open(tarball) as archive:
        for member in archive:
            name = member.name.partition("/")[2]
            if member.isfile() and name.startswith(PUBLIC):
                stream = archive.extractfile(member)
                headers[name] = stream.read() if stream else None
    headers |= changed_files(tarball, ours, read_series(patches_dir() / "patches"))
    for name, content in headers.items():
        if name.startswith(PUBLIC) and content is not None:
            path = folder / "xen" / name.removeprefix(PUBLIC)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return folder


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("hypervisor"))


@pytest.fixture(scope="session")
def tool(workshop: Workshop) -> Tool:
    return Tool(workshop.tool())
