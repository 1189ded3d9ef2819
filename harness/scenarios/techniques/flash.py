# SPDX-License-Identifier: GPL-2.0-or-later
"""A real flash device by its maker's figures, and the time that counted requests would take on it.

Emulated time says nothing about flash, and throttling runs on real time: so requests and bytes are
counted, and multiplied by what the maker says of the device. A result is *derived*, never measured.

Source: Samsung Electronics, announcement of its eMMC 5.1 line (64 GB), 18 February 2015: 250 MB/s
and 125 MB/s sequential, 11 000 and 13 000 operations of 4 KiB a second at random. These are the
device's best, with a full queue and no garbage to collect: what is derived is a lower bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SECTOR_BYTES = 512
REQUEST_BYTES = 4096
# Fields of Documentation/block/stat.rst, by position.
STAT = ("reads", "_", "read_sectors", "_", "writes", "_", "written_sectors")


@dataclass(frozen=True, slots=True)
class Device:
    """What its maker says: requests of 4 KiB a second at random, bytes a second in sequence."""

    name: str
    reads_s: float
    writes_s: float
    read_bytes_s: float
    written_bytes_s: float


EMMC = Device("Samsung eMMC 5.1, 64 GB", 11_000, 13_000, 250e6, 125e6)


def derived_us(counted: Mapping[str, int], device: Device = EMMC) -> int:
    """Microseconds that the device would take for these requests, one after another.

    A request costs what one of 4 KiB costs, and what is longer than that goes in sequence.
    """
    reads, writes = counted["reads"], counted["writes"]
    long_read = max(0, counted["read_bytes"] - reads * REQUEST_BYTES)
    long_write = max(0, counted["written_bytes"] - writes * REQUEST_BYTES)
    seconds = reads / device.reads_s + writes / device.writes_s
    seconds += long_read / device.read_bytes_s + long_write / device.written_bytes_s
    return round(seconds * 1e6)


def parse_stat(text: str) -> dict[str, int]:
    """Requests and bytes of a block device from its ``stat`` file in sysfs."""
    found = dict(zip(STAT, map(int, text.split()), strict=False))
    return {
        "reads": found["reads"],
        "read_bytes": found["read_sectors"] * SECTOR_BYTES,
        "writes": found["writes"],
        "written_bytes": found["written_sectors"] * SECTOR_BYTES,
    }
