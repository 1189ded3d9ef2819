# SPDX-License-Identifier: GPL-2.0-or-later
"""What a profile says about a user's own Android image (``[guests.NAME.image]``)."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

# vbd number of xvda: major 202, minor 0. Init finds partitions by name below this device.
XVDA = "51712"
OWN, OF_IMAGE = "own", "image"


class ImageKind(enum.StrEnum):
    """Where an image comes from, which is how it wants to be started."""

    CUTTLEFISH = "cuttlefish"
    DOMA = "doma"
    RAW_DISK = "raw-disk"


@dataclass(frozen=True, slots=True)
class Needs:
    """What an image of a kind must have.

    smallest_mib: no guest with less memory gets to its home screen
    usual_mib:    with less it starts and is short of memory
    partitions:   in super, without the slot's suffix
    parameters:   that its own launcher would pass, where the image itself says nothing of them
    """

    smallest_mib: int
    usual_mib: int
    partitions: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)


# Memory: android.md's study (CDD: 816 MB, low_ram below 1 GB). Parameters: what a Cuttlefish image
# was started with under Xen in the log that the study cites, and EPAM's DomA.
NEEDS = {
    ImageKind.CUTTLEFISH: Needs(
        1024,
        2048,
        ("system", "vendor"),
        {"androidboot.hardware": "cutf_cvm", "androidboot.fstab_suffix": "cf.ext4.hctr2"},
    ),
    ImageKind.DOMA: Needs(1024, 2048, ("system", "vendor"), {"androidboot.hardware": "xenvm"}),
    ImageKind.RAW_DISK: Needs(64, 64),
}
# Keys of a profile that name one file each, and partitions of the disk at the same time.
FILES = (
    "boot",
    "init_boot",
    "vendor_boot",
    "super",
    "vbmeta",
    "vbmeta_system",
    "userdata",
    "disk",
)


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """A user's own Android image and how it is to be started. Paths are absolute.

    dir:          folder in which files are found by what is in them; empty for none
    files:        path by key of ``FILES``; goes before what is found in ``dir``
    kernel:       ``own`` (the project's), ``image`` (of the boot image), or a path
    boot_devices: androidboot.boot_devices; xvda by its number
    slot:         suffix of partitions: _a, _b, or empty for a disk without slots
    verify:       false: verified boot is switched off, in a copy of vbmeta
    adb_port:     where adbd listens in the guest
    """

    kind: ImageKind
    dir: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    kernel: str = OWN
    cmdline_extra: tuple[str, ...] = ()
    bootconfig_extra: tuple[str, ...] = ()
    boot_devices: str = XVDA
    slot: str = "_a"
    verify: bool = False
    userdata_mib: int = 2048
    adb_port: int = 5555
    boot_timeout_s: float = 3600.0

    @property
    def needs(self) -> Needs:
        """Of its kind."""
        return NEEDS[self.kind]
