# SPDX-License-Identifier: GPL-2.0-or-later
"""What the series is compiled for: an architecture, and with the controller or without it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass

from harness.build.xen import ARM64, WITHOUT, Arch, options, patches_dir
from harness.errors import SetupError

ARM32 = Arch("arm32", "arm-linux-gnueabihf-")
X86 = Arch("x86_64", "")


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to compile Xen."""

    name: str
    arch: Arch
    options: Mapping[str, str]
    """Besides Xen's defaults for the architecture."""
    controller: bool
    extra: str = ""
    """Of harness.host.packages.EXTRA, what its compiler is from; empty: it is needed anyway."""
    every_step: bool = True
    """Else only the whole series is compiled."""

    @property
    def compiler(self) -> str:
        """The C compiler's name."""
        return f"{self.arch.cross}gcc"

    def compiles(self, name: str, *, new: bool) -> bool:
        """Whether a file of the tree can matter to what comes out.

        new: Xen does not have it; without the controller only headers of those are read
        """
        if not name.startswith("xen/"):
            return False
        return self.controller or not new or "/include/" in name

    def require(self) -> None:
        """Raise SetupError when this machine cannot compile it."""
        if shutil.which(self.compiler) is None:
            raise SetupError(
                f"no {self.compiler} here, which compiles Xen for {self.arch.name}",
                where=self.name,
                hint=f"harness doctor --with {self.extra}" if self.extra else "harness doctor",
            )


def arm64(*, controller: bool) -> Kind:
    """As a build does it, with or without the controller."""
    wanted = options(patches_dir())
    if controller:
        return Kind("arm64-on", ARM64, wanted, True)
    return Kind("arm64-off", ARM64, {**wanted, **WITHOUT}, False)


def others() -> list[Kind]:
    """Other architectures, which share common code and cannot have the controller."""
    return [
        Kind("arm32-off", ARM32, WITHOUT, False, extra="arm32", every_step=False),
        Kind("x86_64-off", X86, WITHOUT, False, every_step=False),
    ]
