# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel must have been configured with: for Xen, and for Android's user space.

The front ends are drivers/xen, drivers/block/xen-blkfront.c, drivers/net/xen-netfront.c and
drivers/tty/hvc/hvc_xen.c of Linux. gki_defconfig has none of them: CONFIG_XEN is a bool, so no
module can bring it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Option:
    """An option and what its absence means.

    module: name of the module that does as well, if the ramdisk has it; empty if none does
    """

    name: str
    meaning: str
    module: str = ""


# Without these nothing boots, or nobody would know.
XEN = (
    Option("CONFIG_XEN", "a stock GKI kernel cannot run as a Xen guest with its disk and network"),
    Option("CONFIG_XEN_BLKDEV_FRONTEND", "no disk xvda: init finds no partition", "xen-blkfront"),
    Option("CONFIG_HVC_XEN", "no console: whatever goes wrong stays unknown"),
    Option("CONFIG_HVC_XEN_FRONTEND", "the console does not go on after the first messages"),
    Option("CONFIG_XEN_NETDEV_FRONTEND", "no network: adb cannot be reached", "xen-netfront"),
)
# What first-stage init and the framework ask for; a kind of image that is any disk does not.
ANDROID = (
    Option("CONFIG_EFI_PARTITION", "the partitions of the disk are not found"),
    Option("CONFIG_BLK_DEV_DM", "the partitions in super cannot be mapped", "dm-mod"),
    Option("CONFIG_ANDROID_BINDER_IPC", "no binder: no service can be called"),
    Option("CONFIG_ANDROID_BINDERFS", "init mounts binder as a file system"),
    Option("CONFIG_SECURITY_SELINUX", "init loads a policy, also a permissive one, or gives up"),
    Option("CONFIG_FUSE_FS", "no shared storage", "fuse"),
    Option("CONFIG_CGROUPS", "init cannot put processes into groups"),
    Option("CONFIG_BPF_SYSCALL", "netd and the boot of the network give up"),
)
# Without these it runs, and something is not as it is on a telephone.
WORTH_A_NOTE = (
    Option("CONFIG_XEN_BALLOON", "its memory cannot be made smaller or larger from outside"),
    Option("CONFIG_PSI", "lmkd is not told of pressure"),
    Option("CONFIG_MEMCG", "no memory by group"),
    Option("CONFIG_DM_VERITY", 'partitions cannot be verified: verify = "off"', "dm-verity"),
)
FILE_SYSTEMS = {
    "ext4 file system": Option("CONFIG_EXT4_FS", "ext4 partitions cannot be mounted", "ext4"),
    "EROFS file system": Option("CONFIG_EROFS_FS", "EROFS partitions cannot be mounted", "erofs"),
    "F2FS file system": Option("CONFIG_F2FS_FS", "F2FS partitions cannot be mounted", "f2fs"),
}


@dataclass(frozen=True, slots=True)
class Lack:
    """An option that is not as it must be, and whether only the ramdisk lacks its module."""

    option: Option
    as_module: bool

    def __str__(self) -> str:
        if self.as_module:
            return (
                f"{self.option.name}=m, and no {self.option.module}.ko in the ramdisk: "
                f"{self.option.meaning}"
            )
        return f"{self.option.name} is not set: {self.option.meaning}"


def lacking(
    config: Mapping[str, str], wanted: Collection[Option], modules: Collection[str]
) -> tuple[Lack, ...]:
    """What a kernel lacks.

    config:  value by option, as ``kconfig.parse`` gives it
    modules: names of the modules in the ramdisk, without .ko, with hyphens
    """
    found = []
    for option in wanted:
        value = config.get(option.name, "n")
        as_module = value == "m" and bool(option.module)
        if value != "y" and not (as_module and option.module in modules):
            found.append(Lack(option, as_module))
    return tuple(found)
