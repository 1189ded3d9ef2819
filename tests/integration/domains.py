# SPDX-License-Identifier: GPL-2.0-or-later
"""A small Linux domain that a test may spoil."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.hypervisor import Xl
from harness.transport.base import Transport

MEMORY_MIB = 40
GUEST_RAM0 = 0x40000  # the first gfn of its memory


def create_paused(dom0: Transport, name: str, *settings: str) -> int:
    """Make a domain that has not run yet, and for which the controller is not on; its id.

    settings: lines of its xl config besides those of the testbed's Linux guest
    """
    config = f"/tmp/{name}.cfg"
    dom0.succeed(
        "sed -e '/^name =/d' -e '/^memory =/d' -e '/^maxmem =/d' -e '/^vif =/d'"
        f" -e 's/xmc.ip=[^ \"]*/xmc.ip=10.0.2.61\\/24/' /guests/linux.cfg > {config}"
    )
    lines = (f'name = "{name}"', f"memory = {MEMORY_MIB}", f"maxmem = {MEMORY_MIB}", *settings)
    dom0.run(["tee", "-a", config], stdin="".join(f"{line}\n" for line in lines).encode())
    return Xl(dom0).create_paused(config, name)


def destroy_if_there(dom0: Transport, name: str) -> None:
    """The domain is gone then."""
    xl = Xl(dom0)
    if name in xl.domains():
        xl.destroy(name)


@contextmanager
def paused_domain(dom0: Transport, name: str, *settings: str) -> Iterator[int]:
    """The same, for as long as the block lasts."""
    try:
        yield create_paused(dom0, name, *settings)
    finally:
        destroy_if_there(dom0, name)
