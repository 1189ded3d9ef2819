# SPDX-License-Identifier: GPL-2.0-or-later
"""Stored objects checked against an independent implementation of the codec.

The controller compresses with the kernel's LZO or LZ4; here liblzo2 (python-lzo) or liblz4 decodes
what lies in the store, and the result is compared byte for byte with what the page must hold.
"""

from __future__ import annotations

import lz4.block
import lzo
import numpy as np

from harness.errors import ScenarioFailed
from harness.scenarios.content import PAGE_BYTES, shuffled
from harness.scenarios.load import G_LZO, Load, states_of


def decode(codec: str, stored: bytes) -> bytes:
    """The page that an object of the store stands for.

    Raises ScenarioFailed when the codec's library refuses it or it is no page.
    """
    try:
        # No length header in either format: the kernel's compressors write none.
        page: bytes = (
            lz4.block.decompress(stored, uncompressed_size=PAGE_BYTES)
            if codec == "lz4"
            else lzo.decompress(stored, False, PAGE_BYTES)
        )
    except (lzo.error, lz4.block.LZ4BlockError) as error:
        raise ScenarioFailed(f"the library of {codec} refuses the object: {error}") from error
    if len(page) != PAGE_BYTES:
        raise ScenarioFailed(f"the object decodes to {len(page)} bytes")
    return page


def check_objects(load: Load, *, seed: int, share: float = 0.001, at_least: int = 16) -> int:
    """Decode a random share of the load's LZO pages and compare; how many were checked.

    The pages stay compressed: nothing is read in the guest.

    Raises ScenarioFailed naming the gfn of the first object that is not the page's content.
    """
    gfns = load.pfns()
    in_lzo = np.flatnonzero(states_of(load.guest, gfns) == G_LZO)
    count = min(in_lzo.size, max(at_least, round(in_lzo.size * share)))
    chosen = in_lzo[shuffled(seed, in_lzo.size)[:count]]
    expected = load.expected_pages(chosen)
    for index, page in zip(chosen.tolist(), expected, strict=True):
        gfn = int(gfns[index])
        stored = load.guest.controller.dump_object(gfn)
        if decode(stored.codec, stored.content) != page.tobytes():
            raise ScenarioFailed(
                f"the object of page {index} is not its content",
                where=f"{load.guest.name}, gfn {gfn:#x}, cycle {load.cycle}",
            )
    return count
