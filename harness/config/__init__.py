# SPDX-License-Identifier: GPL-2.0-or-later
"""What a testbed is made of: profiles in TOML, checked at the edge, plain dataclasses inside.

profile = load_profile("default", overrides=["board.memory_mib=2048"]).profile
"""

from harness.config.load import Resolved, load_profile, profile_of, shipped_profiles
from harness.config.model import Board, Compress, Dom0, Guest, GuestKind, Profile, Timeouts, Xen

__all__ = [  # noqa: RUF022  most important first
    "load_profile",
    "profile_of",
    "shipped_profiles",
    "Resolved",
    "Profile",
    "Board",
    "Xen",
    "Dom0",
    "Guest",
    "GuestKind",
    "Compress",
    "Timeouts",
]
