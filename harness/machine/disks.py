# SPDX-License-Identifier: GPL-2.0-or-later
"""Which disks the guests have: what QEMU, dom0 and the guest itself call each."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from harness.config.model import Profile


class Role(enum.StrEnum):
    """What a disk is for. Its letter in the guest does not depend on which others there are."""

    ROOT = "root"
    SWAP = "swap"
    """Empty and sparse: for what swaps (``guests.NAME.swap_mib``)."""
    PROGRAMS = "programs"
    """Read-only, the same for all: real programs (``guests.NAME.programs``)."""


IN_GUEST = {Role.ROOT: "xvda", Role.SWAP: "xvdb", Role.PROGRAMS: "xvdc"}


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk of a guest.

    name:    in QEMU, and of its file
    in_dom0: the device that QEMU makes of it
    """

    name: str
    guest: str
    role: Role
    in_dom0: str

    @property
    def read_only(self) -> bool:
        return self.role is Role.PROGRAMS

    @property
    def format(self) -> str:
        """The one that nobody writes to needs no layer of its own."""
        return "raw" if self.read_only else "qcow2"

    @property
    def of_xl(self) -> str:
        """As xl configs have it."""
        return f"phy:{self.in_dom0},{IN_GUEST[self.role]},{'r' if self.read_only else 'w'}"


def guest_disks(profile: Profile) -> list[Disk]:
    """All of them, in dom0's order."""
    wanted = [
        (guest.name, role)
        for guest in profile.guests.values()
        for role, has in (
            (Role.ROOT, guest.kind.has_disk),
            (Role.SWAP, guest.swap_mib > 0),
            (Role.PROGRAMS, guest.programs),
        )
        if has
    ]
    # dom0's first is the archive that it unpacks.
    return [
        Disk(
            guest if role is Role.ROOT else f"{guest}.{role}",
            guest,
            role,
            f"/dev/vd{chr(ord('b') + number)}",
        )
        for number, (guest, role) in enumerate(wanted)
    ]
