# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's own kernels, besides the one that we configure: to compile modules for, and to boot.

The newest of a suite, by Debian's signed index and not by the lock: what is asked is whether our
modules still fit. Headers and kernel are Debian's; what the headers' build runs on this machine
comes from the same suite, with the libraries that it wants.
"""

from __future__ import annotations

import shutil
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.build.elf import MAGIC
from harness.build.packages import ARM64, contents
from harness.build.step import CROSS_COMPILE
from harness.errors import SetupError
from harness.progress import step
from harness.sources import Pinned, fetch_pool, unpack_deb
from harness.sources.apt import resolve

# Linux 6.1, and the newest that Debian has.
SUITES = ("bookworm", "sid")
HOST = "amd64"
HEADERS = "linux-headers-"
KBUILD = "linux-kbuild-"
META = "linux-headers-arm64"
MODPOST = "modpost.real-lsb-64"
LOADER = "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
# The folder of the headers, wherever it is laid out; Debian's names it in /usr/src.
MAKEFILE = """KBUILD_OUTPUT := $(abspath $(dir $(lastword $(MAKEFILE_LIST))))
include $(KBUILD_OUTPUT)/../{common}/Makefile
"""
# The compiler is not the one that Debian configured it with; there is nothing here that reads BTF.
VARIABLES = (
    f"CC={CROSS_COMPILE}gcc",
    "CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=",
    "CONFIG_DEBUG_INFO_BTF_MODULES=",
)


@dataclass(frozen=True, slots=True)
class DebianKernel:
    """A kernel of a suite.

    release: as uname -r says
    headers: packages to compile against, for arm64 and for any architecture
    kbuild:  what their build runs here, with its libraries
    """

    suite: str
    release: str
    version: str
    headers: tuple[Pinned, ...]
    kbuild: tuple[Pinned, ...]

    @property
    def hashes(self) -> list[str]:
        """sha256 of all that a module is compiled with."""
        return [one.sha256 for one in (*self.headers, *self.kbuild)]

    def lay_out(self, folder: Path) -> Path:
        """Unpack the headers; where make is run then, with ``VARIABLES``. Raises SetupError."""
        for one in (*self.headers, *self.kbuild):
            unpack_deb(fetch_pool(one.pool, one.sha256, one.size), folder)
        for path in sorted((folder / "usr/lib").glob(f"{KBUILD}*/**/*")):
            if path.is_file() and not path.is_symlink():
                _run_with_its_libraries(path, folder)
        top = folder / "usr/src" / f"{HEADERS}{self.release}"
        common = next(folder.glob(f"usr/src/{HEADERS}*-common"))
        (top / "Makefile").write_text(MAKEFILE.format(common=common.name))
        return top


def newest(suite: str) -> DebianKernel:
    """The newest kernel of a suite. Raises SetupError, TransientError."""
    with step(f"build: Debian's kernel in {suite}") as progress:
        names = resolve(suite, ARM64, [META])
        headers = [one for one in names if one.name.startswith(HEADERS) and one.name != META]
        ours = [one for one in headers if not one.name.endswith("-common")]
        kbuild = [one.name for one in names if one.name.startswith(KBUILD)]
        if len(ours) != 1 or len(kbuild) != 1:
            raise SetupError(
                f"cannot tell which kernel {META} of {suite} stands for",
                context=[one.name for one in names],
            )
        host = resolve(suite, HOST, kbuild)
        release = ours[0].name.removeprefix(HEADERS)
        progress.note(f"Linux {release}")
        return DebianKernel(suite, release, ours[0].version, tuple(headers), tuple(host))


def fetch_image(kernel: DebianKernel, to: Path) -> None:
    """Write the kernel that boots. Raises SetupError when no package of it has one."""
    names = resolve(kernel.suite, ARM64, [f"linux-image-{kernel.release}"])
    fitting = [one for one in names if one.name.endswith(f"-{kernel.release}")]
    for one in fitting:
        deb = fetch_pool(one.pool, one.sha256, one.size)
        if _take_image(deb, to):
            return
    raise SetupError(
        f"no package of Debian's kernel {kernel.release} has an image",
        where=", ".join(one.name for one in fitting),
    )


def _take_image(deb: Path, to: Path) -> bool:
    with contents(deb) as archive:
        for member in archive:
            if member.isfile() and Path(member.name).name.startswith("vmlinuz"):
                stream = archive.extractfile(member)
                if stream is not None:
                    to.write_bytes(stream.read())
                    return True
    return False


def _run_with_its_libraries(path: Path, root: Path) -> None:
    """A program of a newer Debian wants a newer C library than this machine's, perhaps."""
    with path.open("rb") as file:
        if not file.read(len(MAGIC)).startswith(MAGIC):
            return
    # modpost itself only looks for the one that fits the kernel, by its own path.
    real = path.with_name(MODPOST) if path.name == "modpost" else path
    if path.name == MODPOST:
        return
    program = real.with_name(f"{real.name}.elf")
    if real == path:
        path.rename(program)
    else:
        shutil.copy2(real, program)
    loader = next(p for p in (root / LOADER, root / "usr" / LOADER) if p.exists())
    words = [str(loader), "--library-path", _libraries(root), str(program)]
    path.unlink(missing_ok=True)
    path.write_text("#!/bin/sh\nexec " + " ".join(f"'{word}'" for word in words) + ' "$@"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def _libraries(root: Path) -> str:
    folders = (root / "lib/x86_64-linux-gnu", root / "usr/lib/x86_64-linux-gnu")
    return ":".join(str(folder) for folder in folders if folder.is_dir())


def compiled_for(module: Path) -> str:
    """Kernel release that a module says it is for. Raises SetupError."""
    words: Sequence[str | Path] = ["modinfo", "-F", "vermagic", module]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError("modinfo does not read the module", where=str(module)) from error
    return done.stdout.split(" ")[0].strip()
