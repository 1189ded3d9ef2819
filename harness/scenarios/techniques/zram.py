# SPDX-License-Identifier: GPL-2.0-or-later
"""Compressed swap in the guest's own memory (CRAMES; zram in Linux)."""

from __future__ import annotations

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

DEVICE = "/sys/block/zram0"
# mm_stat of zram.rst, by position.
MM_STAT = ("orig_bytes", "compressed_bytes", "used_bytes", "limit", "used_max", "same_pages")


class Zram(Technique):
    """With the controller's codec, one page a fault, and as gladly as Android does it."""

    name = "zram"
    counted = "swapped_out_pages"

    def set_up(self, guest: Guest) -> None:
        # More than fits: it is memory that runs out, not the device.
        words = (
            f"echo lzo > {DEVICE}/comp_algorithm && echo {2 * guest.memory_mib}M >"
            f" {DEVICE}/disksize && mkswap /dev/zram0 > /dev/null && swapon /dev/zram0"
        )
        guest_run(guest, words)
        swapping(guest, swappiness=100, page_cluster=0, scale=SWAP_SCALE)

    def tear_down(self, guest: Guest) -> None:
        guest_run(guest, "swapoff /dev/zram0", timeout_s=SWAPOFF_S)
        guest_run(guest, f"echo 1 > {DEVICE}/reset")
        swapping(guest, swappiness=SWAPPINESS, page_cluster=PAGE_CLUSTER)

    def counters(self, guest: Guest) -> dict[str, int]:
        """Pages in and out since boot; what it holds now, and what that takes."""
        swapped = read_vmstat(guest, "pswpin", "pswpout")
        holds = parse_mm_stat(guest_run(guest, f"cat {DEVICE}/mm_stat").decode())
        return {
            "swapped_in_pages": swapped["pswpin"],
            "swapped_out_pages": swapped["pswpout"],
            "orig_bytes": holds["orig_bytes"],
            "used_bytes": holds["used_bytes"],
            "same_pages": holds["same_pages"],
        }


def parse_mm_stat(text: str) -> dict[str, int]:
    """The numbers of mm_stat by name; all 0 while the device has no size."""
    numbers = [int(word) for word in text.split()]
    return dict(zip(MM_STAT, numbers or [0] * len(MM_STAT), strict=False))
