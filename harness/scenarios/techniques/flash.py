# SPDX-License-Identifier: GPL-2.0-or-later
"""A real flash device by its maker's figures, and the time that counted requests would take on it.

Emulated time says nothing about flash, and throttling runs on real time: so requests and bytes are
counted, and multiplied by what the maker says of the device. A result is *derived*, never measured.

Source: Micron, data sheet of the MT29F4G08AAA (4 Gbit, single-level cells; 4gb_nand_m40a, Rev. B
2/07), features: pages of 2048 + 64 bytes, 64 of them in a block; random read 25 us at most, a byte
over the bus in 25 ns, program page 220 us and block erase 1.5 ms typically. NAND itself, as Park
swaps to it: nothing is told of a translation layer or of garbage that is collected, and one page is
read or programmed after another, so that what is derived is a lower bound for one die.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

SECTOR_BYTES = 512
# Fields of Documentation/block/stat.rst, by position.
STAT = ("reads", "_", "read_sectors", "_", "writes", "_", "written_sectors")


@dataclass(frozen=True, slots=True)
class Nand:
    """What its data sheet says: bytes that a page holds and that go over the bus for it; seconds
    for a page to be read and to be programmed, for a byte over the bus, for a block of so many
    pages to be erased."""

    name: str
    page_bytes: int
    bus_bytes: int
    block_pages: int
    read_s: float
    program_s: float
    erase_s: float
    byte_s: float


NAND = Nand("Micron MT29F4G08AAA", 2048, 2048 + 64, 64, 25e-6, 220e-6, 1.5e-3, 25e-9)


def derived_us(counted: Mapping[str, int], device: Nand = NAND) -> int:
    """Microseconds that the device would take for these bytes, a page after another.

    What is written was erased before, its share of a block.
    """
    read = math.ceil(counted["read_bytes"] / device.page_bytes)
    written = math.ceil(counted["written_bytes"] / device.page_bytes)
    bus_s = device.bus_bytes * device.byte_s
    write_s = bus_s + device.program_s + device.erase_s / device.block_pages
    return round((read * (device.read_s + bus_s) + written * write_s) * 1e6)


def parse_stat(text: str) -> dict[str, int]:
    """Requests and bytes of a block device from its ``stat`` file in sysfs."""
    found = dict(zip(STAT, map(int, text.split()), strict=False))
    return {
        "reads": found["reads"],
        "read_bytes": found["read_sectors"] * SECTOR_BYTES,
        "writes": found["writes"],
        "written_bytes": found["written_sectors"] * SECTOR_BYTES,
    }
