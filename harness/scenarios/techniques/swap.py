# SPDX-License-Identifier: GPL-2.0-or-later
"""Swap to a disk that stands for flash, alone (Park) and behind a compressed cache (zswap)."""

from __future__ import annotations

from collections.abc import Mapping

from harness.report.run import Scalar
from harness.scenarios.bed import Guest
from harness.scenarios.load import guest_run
from harness.scenarios.techniques.base import (
    PAGE_CLUSTER,
    SWAP_SCALE,
    SWAPOFF_S,
    SWAPPINESS,
    Technique,
    read_vmstat,
    swapping,
)
from harness.scenarios.techniques.flash import derived_us, parse_stat

# harness.machine.disks says so: the role SWAP.
DISK = "xvdb"
SWAP_MIB = 512
ZSWAP = "/sys/module/zswap/parameters"


class FlashSwap(Technique):
    """Linux as it comes but for its watermarks: what is swapped goes to the device, and eight pages
    come back at once."""

    name = "flash-swap"
    counted = "writes"

    def settings(self, guest: str) -> Mapping[str, Scalar]:
        return {**super().settings(guest), f"guests.{guest}.swap_mib": SWAP_MIB}

    def set_up(self, guest: Guest) -> None:
        guest_run(guest, f"mkswap /dev/{DISK} > /dev/null && swapon /dev/{DISK}")
        swapping(guest, swappiness=SWAPPINESS, page_cluster=PAGE_CLUSTER, scale=SWAP_SCALE)

    def tear_down(self, guest: Guest) -> None:
        guest_run(guest, f"swapoff /dev/{DISK}", timeout_s=SWAPOFF_S)
        swapping(guest, swappiness=SWAPPINESS, page_cluster=PAGE_CLUSTER)

    def counters(self, guest: Guest) -> dict[str, int]:
        """Requests and bytes of the device, and what they would take on real flash."""
        counted = parse_stat(guest_run(guest, f"cat /sys/block/{DISK}/stat").decode())
        return {**counted, "derived_us": derived_us(counted)}


class Zswap(FlashSwap):
    """The same disk behind zswap, which compresses into a fifth of the guest's memory first."""

    name = "zswap"
    counted = "compressed_pages"

    def set_up(self, guest: Guest) -> None:
        # The controller's codec; the pool's limit is Linux's default.
        words = f"cd {ZSWAP} && echo lzo > compressor && echo zsmalloc > zpool"
        guest_run(guest, f"{words} && echo 20 > max_pool_percent && echo 1 > enabled")
        super().set_up(guest)

    def tear_down(self, guest: Guest) -> None:
        super().tear_down(guest)
        guest_run(guest, f"echo 0 > {ZSWAP}/enabled")

    def counters(self, guest: Guest) -> dict[str, int]:
        """Pages into its cache, back from it, and written back to the disk; and the disk's."""
        found = read_vmstat(guest, "zswpout", "zswpin", "zswpwb")
        return {
            "compressed_pages": found["zswpout"],
            "restored_pages": found["zswpin"],
            "written_back_pages": found["zswpwb"],
            **super().counters(guest),
        }
