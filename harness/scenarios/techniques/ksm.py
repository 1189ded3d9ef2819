# SPDX-License-Identifier: GPL-2.0-or-later
"""Merging pages of the same content in the guest (Kernel Samepage Merging)."""

from __future__ import annotations

from harness.scenarios.bed import Guest
from harness.scenarios.load import guest_run
from harness.scenarios.techniques.base import SWAPOFF_S, Technique

KSM = "/sys/kernel/mm/ksm"
# Ten times Linux's default of 5000 a second: under emulation little time goes by.
SCAN = {"pages_to_scan": 1000, "sleep_millisecs": 20}
DEFAULTS = {"pages_to_scan": 100, "sleep_millisecs": 20}


class Ksm(Technique):
    """Pages of a workload are offered to it by the wrapper that starts the workload's processes."""

    name = "ksm"
    prefix = ("memload", "run", "--merge", "--")
    counted = "merged_pages"

    def set_up(self, guest: Guest) -> None:
        _write(guest, {**SCAN, "use_zero_pages": 1, "run": 1})

    def tear_down(self, guest: Guest) -> None:
        # 2: stop, and part all that is merged.
        _write(guest, {"run": 2, "use_zero_pages": 0, **DEFAULTS})
        _write(guest, {"run": 0})

    def counters(self, guest: Guest) -> dict[str, int]:
        """Pages saved now, which is what it has merged and nobody has parted again."""
        names = ("pages_sharing", "pages_shared", "ksm_zero_pages", "pages_scanned", "full_scans")
        out = guest_run(guest, f"cd {KSM} && cat {' '.join(names)}").split()
        found = dict(zip(names, map(int, out), strict=True))
        return {
            "merged_pages": found["pages_sharing"] + found["ksm_zero_pages"],
            "shared_pages": found["pages_shared"],
            "scanned_pages": found["pages_scanned"],
            "full_scans": found["full_scans"],
        }


def _write(guest: Guest, values: dict[str, int]) -> None:
    words = [f"echo {value} > {name}" for name, value in values.items()]
    guest_run(guest, f"cd {KSM} && {' && '.join(words)}", timeout_s=SWAPOFF_S)
