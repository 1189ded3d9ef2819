# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbers that are possible one by one and impossible together."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.config.model import Control, GuestKind, Profile
from harness.errors import UsageError
from harness.machine.patterns import PATTERN_NAMES

# What Xen 4.20 takes for itself (text, frame table): board - dom0 - free of `xl info` without
# guests was 18 MiB on 1024 MiB and 32 MiB on 2048 MiB.
XEN_MIB = 8
XEN_PART = 64
# Page tables, vCPUs and grant tables of one guest: `xl info` before and after, 3 MiB for 64 MiB.
PER_GUEST_MIB = 4
# Smallest that boots: feasibility.md for Linux, android.md for the ART guest.
SMALLEST_MIB = {GuestKind.LINUX: 20, GuestKind.ANDROID: 40}


def check_budget(profile: Profile, origins: Mapping[str, str]) -> None:
    """Raise UsageError for the first impossibility, with the file and key that it comes from."""
    board = profile.board

    def refuse(key: str, message: str, hint: str = "") -> UsageError:
        return UsageError(message, where=f"{origins.get(key, profile.name)}: {key}", hint=hint)

    if board.icount_shift is not None and (board.cpus != 1 or board.thread != "single"):
        raise refuse(
            "board.icount_shift",
            "counting instructions needs one CPU and one thread",
            "board.cpus = 1, board.thread = single",
        )
    if board.gic == 2 and board.cpus > 8:
        raise refuse("board.gic", "GICv2 serves at most 8 CPUs")
    xen_mib = XEN_MIB + board.memory_mib // XEN_PART
    # Of those that a scenario may start later, the largest at least.
    later = [guest for guest in profile.guests.values() if not guest.start]
    first = [guest for guest in profile.guests.values() if guest.start]
    first += sorted(later, key=lambda guest: guest.memory_mib)[-1:]
    needed = (
        xen_mib + profile.dom0.memory_mib + sum(guest.memory_mib + PER_GUEST_MIB for guest in first)
    )
    if needed > board.memory_mib:
        parts = [f"Xen {xen_mib}", f"dom0 {profile.dom0.memory_mib}"] + [
            f"{guest.name} {guest.memory_mib} + {PER_GUEST_MIB}" for guest in first
        ]
        raise refuse(
            "board.memory_mib",
            f"the guests do not fit in the board: {needed} MiB of {board.memory_mib} MiB",
            f"{', '.join(parts)}: make the board larger or a guest smaller",
        )
    for guest in profile.guests.values():
        at = f"guests.{guest.name}"
        if guest.name == "dom0" or guest.name == "xen":
            raise refuse(at, f"{guest.name!r} is the name of something else")
        smallest = guest.image.needs.smallest_mib if guest.image else SMALLEST_MIB[guest.kind]
        if guest.memory_mib < smallest:
            raise refuse(
                f"{at}.memory_mib",
                f"{guest.memory_mib} MiB: no {guest.kind} guest boots in less than {smallest} MiB",
            )
        if guest.slice_mib and not smallest <= guest.slice_mib <= guest.memory_mib:
            raise refuse(
                f"{at}.slice_mib",
                f"{guest.slice_mib} MiB is no slice of {guest.memory_mib} MiB",
                f"from {smallest} to {guest.memory_mib}, or 0: all of it",
            )
        if guest.control is Control.ADB and not guest.kind.has_adbd:
            raise refuse(f"{at}.control", f"a {guest.kind} guest has no adbd", f"{at}.control=ssh")
        unknown = set(guest.allow) - set(PATTERN_NAMES)
        if unknown:
            raise refuse(
                f"{at}.allow",
                f"no bad pattern is called {sorted(unknown)[0]!r}",
                f"one of {', '.join(PATTERN_NAMES)}",
            )
    _all_different(profile, refuse)
    own = [guest.name for guest in profile.guests.values() if guest.image]
    if len(own) > 1:
        # They ask for their address by DHCP, and QEMU's server goes by who asks first.
        raise refuse(
            f"guests.{own[1]}.kind",
            f"{own[0]} is an {GuestKind.AOSP} as well, and a testbed holds one",
            f"harness --name second boot --set guests.{own[0]}.enabled=false",
        )


def _all_different(profile: Profile, refuse: Callable[..., UsageError]) -> None:
    by_ip: dict[str, str] = {}
    by_port: dict[int, str] = {profile.dom0.ssh_port: "dom0"} if profile.dom0.ssh_port else {}
    for guest in profile.guests.values():
        if guest.ip in by_ip:
            raise refuse(f"guests.{guest.name}.ip", f"{by_ip[guest.ip]} has {guest.ip} as well")
        by_ip[guest.ip] = guest.name
        if guest.ssh_port in by_port:
            raise refuse(
                f"guests.{guest.name}.ssh_port",
                f"{by_port[guest.ssh_port]} has port {guest.ssh_port} as well",
            )
        if guest.ssh_port:
            by_port[guest.ssh_port] = guest.name
