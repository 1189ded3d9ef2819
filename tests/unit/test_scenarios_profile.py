# SPDX-License-Identifier: GPL-2.0-or-later
"""Instructions are counted by function, in those stays in Xen that are about pages."""

from __future__ import annotations

import pytest

from harness.errors import SetupError
from harness.scenarios.profile import Symbols, read_trace

SYMBOLS = Symbols(
    [0x1000, 0x1800, 0x2000, 0x3000, 0x4000],
    ["hyp_traps_vector", "entry", "anchor", "mc_lzo1x_decode", "other"],
)


def trace(*addresses: int) -> list[str]:
    lines = ["IN: something else\n"]
    for pc in addresses:
        lines.append(f"Trace 0: 0x7f8a60000000 [00000000/{pc:016x}/1d000004/ff020000] name\n")
    return lines


def test_only_stays_with_the_anchor_count() -> None:
    first = (0x1400, 0x1800, 0x2000, 0x3000, 0x3004)
    second = (0x1600, 0x1800, 0x4000)
    third = (0x1400, 0x2000, 0x4000)
    found = read_trace(trace(*first, *second, *third), SYMBOLS, "anchor")
    assert found.stays == 2
    assert found.insns == {
        "hyp_traps_vector": 2,
        "entry": 1,
        "anchor": 2,
        "mc_lzo1x_decode": 2,
        "other": 1,
    }
    assert (found.total, found.codec) == (8, 2)


def test_an_interrupt_of_xen_itself_does_not_end_a_stay() -> None:
    # 0x280: an interrupt at the level that Xen runs at.
    found = read_trace(trace(0x1400, 0x2000, 0x1280, 0x4000, 0x2004), SYMBOLS, "anchor")
    assert (found.stays, found.total) == (1, 5)


def test_the_table_is_by_page_and_dearest_first() -> None:
    found = read_trace(trace(0x1400, 0x2000, *[0x3000] * 10, *[0x4000] * 4), SYMBOLS, "anchor")
    lines = found.table("bulk", 2).splitlines()
    assert lines[0] == "bulk: 2 pages in 1 stays in Xen"
    assert [line.split()[0] for line in lines[2:]] == ["5", "2", "8", "3"]
    assert "mc_lzo1x_decode (codec)" in lines[2]
    assert lines[-1].split()[1:3] == ["all", "but"]


def test_a_function_that_is_not_there_is_an_error() -> None:
    with pytest.raises(SetupError, match="was it inlined"):
        read_trace(trace(0x1400), SYMBOLS, "gone")
