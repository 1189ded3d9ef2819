# SPDX-License-Identifier: GPL-2.0-or-later
"""Stored objects checked against an independent implementation of the codec.

The controller compresses with the kernel's LZO; here liblzo2 (python-lzo) decodes what lies in
the store, and the result is compared byte for byte with what the page must hold.
"""

from __future__ import annotations

import lzo
import numpy as np

from harness.errors import ScenarioFailed
from harness.scenarios.content import PAGE_BYTES, shuffled
from harness.scenarios.load import G_LZO, Load, states_of


def decode(stored: bytes) -> bytes:
    """The page that an LZO1X object stands for.

    Raises ScenarioFailed when liblzo2 refuses it or it is no page.
    """
    try:
        # Second argument: no length header, as the kernel's LZO writes none.
        page: bytes = lzo.decompress(stored, False, PAGE_BYTES)
    except lzo.error as error:
        raise ScenarioFailed(f"liblzo2 refuses the object: {error}") from error
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
        if decode(load.guest.controller.dump_object(gfn)) != page.tobytes():
            raise ScenarioFailed(
                f"the object of page {index} is not its content",
                where=f"{load.guest.name}, gfn {gfn:#x}, cycle {load.cycle}",
            )
    return count
