# SPDX-License-Identifier: GPL-2.0-or-later
"""The configuration as the rest of the harness sees it: frozen, complete, already checked."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from harness.build.aosp.spec import ImageSpec


class GuestKind(enum.StrEnum):
    """Which image a guest runs."""

    LINUX = "linux"
    ANDROID = "android"
    AOSP = "aosp-image"
    """A user's own Android image."""

    @property
    def has_adbd(self) -> bool:
        """adb reaches it; into a user's own image there is no other way that is known."""
        return self is not GuestKind.LINUX

    @property
    def has_disk(self) -> bool:
        """It boots from a disk, not from an initramfs."""
        return self is not GuestKind.LINUX


class Control(enum.StrEnum):
    """By which way the harness runs commands in a guest."""

    SSH = "ssh"
    ADB = "adb"


@dataclass(frozen=True, slots=True)
class Board:
    """The emulated machine."""

    memory_mib: int
    cpu: str
    cpus: int
    gic: int
    thread: str
    icount_shift: int | None


@dataclass(frozen=True, slots=True)
class Xen:
    """The hypervisor's command line, without dom0_mem and dom0_max_vcpus."""

    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dom0:
    """The control domain."""

    memory_mib: int
    vcpus: int
    ssh_port: int
    """Port of the loopback interface that leads to its ssh; 0 stands for any free one."""
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compress:
    """How the controller is switched on for a guest (struct xen_mem_compress_setup)."""

    enabled: bool
    sweep_ms: int
    crc: bool
    guest_ops: bool
    sw_af: bool
    codec_only: bool
    codec: str
    max_compressed: int
    max_store_pages: int
    weight: int
    min_age: int
    max_held: int
    """Frames that it may hold; 0: no limit. It moves with the guest's slice."""


@dataclass(frozen=True, slots=True)
class Guest:
    """One guest domain."""

    name: str
    kind: GuestKind
    memory_mib: int
    slice_mib: int
    """Frames of the host that it may hold: it is ballooned down to this; 0: all of its memory."""
    vcpus: int
    ip: str
    ssh_port: int
    control: Control
    compress: Compress
    options: tuple[str, ...]
    """Added to its kernel's command line."""
    allow: tuple[str, ...]
    """Names of bad patterns that are expected here, for example ``oom``."""
    swap_mib: int = 0
    """Size of a disk of its own to swap to, sparse on the host; 0: it has none."""
    programs: bool = False
    """Whether it has the disk with real programs that workloads run (images/programs)."""
    start: bool = True
    """With the testbed; else dom0 knows it, it has its port and its console, and a scenario may
    start it."""
    image: ImageSpec | None = None
    """Of a guest of kind ``aosp-image``, and of no other."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each state may take to reach, in seconds."""

    xen_s: float
    dom0_s: float
    guest_s: float


@dataclass(frozen=True, slots=True)
class Profile:
    """A whole testbed. ``guests`` holds the enabled ones only, in the order of the profile."""

    name: str
    board: Board
    xen: Xen
    dom0: Dom0
    guests: Mapping[str, Guest]
    timeouts: Timeouts

    def boot_s(self, guest: Guest) -> float:
        """How long a guest may take from its start until it answers, in seconds."""
        return guest.image.boot_timeout_s if guest.image else self.timeouts.guest_s
