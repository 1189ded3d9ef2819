# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages are classified as the controller does it, and a guest is found among all others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from harness.cli.app import main
from harness.errors import HypervisorError, UsageError
from harness.estimate.board import frames_of
from harness.estimate.pages import estimate, read_dump

BASE = 0x4000_0000
RANDOM = np.random.default_rng(5)


def page(text: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer((text * (4096 // len(text) + 1))[:4096], dtype=np.uint8)


def test_pages_are_classed_and_what_they_gain_is_added_up() -> None:
    pages = np.stack(
        [
            *[page(b"\0")] * 10,
            *[page(b"8 bytes!")] * 5,
            *[page(b"a page that the codec makes small, over and over. ")] * 100,
            *RANDOM.integers(0, 256, (20, 4096), dtype=np.uint8),
        ]
    )
    found = estimate(pages)
    assert (found.zero, found.same, found.compressible, found.incompressible) == (10, 5, 100, 20)
    assert found.codec_bytes < 100 * 200
    assert found.gained_kib == (115 - found.store_pages) * 4 - 2


def test_a_guest_is_found_by_its_cookie_and_its_number_of_pages() -> None:
    words = np.zeros((4096, 512), dtype=np.uint64)
    cookie = RANDOM.integers(0, 2**63, 512, dtype=np.uint64)
    words[700] = cookie

    def entry(frame: int, kind: int) -> int:
        return (BASE + frame * 4096) | kind | 0x7FC

    # The guest's: 600 single pages in two tables, and a block.
    words[10, 0], words[10, 1], words[10, 2] = entry(20, 3), entry(21, 3), entry(1024, 1)
    words[20] = [entry(2000 + n, 3) for n in range(512)]
    words[21, :88] = [entry(650 + n, 3) for n in range(88)]
    words[21, 200] = entry(3000, 2)  # not valid
    # Xen's own map of everything has the cookie's frame as well.
    words[30] = [entry(512 * n, 1) if n < 8 else 0 for n in range(512)]
    board = words.view(np.uint8)
    frames = frames_of(board, BASE, cookie.tobytes(), 1112)
    assert frames.size == 512 + 88 + 512
    assert frames[512:600].tolist() == list(range(650, 738))
    with pytest.raises(HypervisorError, match="nearest has"):
        frames_of(board, BASE, cookie.tobytes(), 9000)
    with pytest.raises(HypervisorError, match="no page table"):
        frames_of(board, BASE, bytes(4095) + b"x", 1112)


def test_what_is_no_dump_is_refused(tmp_path: Path) -> None:
    (tmp_path / "odd").write_bytes(b"x" * 5000)
    (tmp_path / "elf").write_bytes(b"\x7fELF" + bytes(4092))
    for name, said in (("odd", "no whole number"), ("elf", "ELF core")):
        with pytest.raises(UsageError, match=said):
            read_dump(tmp_path / name)


def test_estimate_verb_of_a_dump(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "d").write_bytes(bytes(8192))
    with pytest.raises(SystemExit):
        main(["estimate", str(tmp_path / "d"), "--json"])
    assert json.loads(capsys.readouterr().out)["zero"] == 2
