# SPDX-License-Identifier: GPL-2.0-or-later
"""What compressing a running guest would gain, from a dump of the board by QMP."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import SetupError
from harness.estimate.board import frames_of
from harness.estimate.pages import Estimate, Pages, estimate, read_dump
from harness.hypervisor import Stats
from harness.report.books import PAGE_BYTES
from harness.testbed import Testbed

# Where QEMU's board has its memory (hw/arm/virt.c).
RAM_BASE = 0x4000_0000
COOKIE = "/tmp/xmc-estimate-cookie"


def estimate_guest(
    testbed: Testbed, name: str, *, keep: Path | None = None
) -> tuple[Estimate, Stats]:
    """Classify every page that the guest has now; also its books a moment before.

    keep: write its pages there, in the order of their gfns

    The machine stands still while it is dumped. Raises SetupError without room for the dump,
    HypervisorError when the guest's tables are not found.
    """
    guest = testbed.guest(name)
    cookie = os.urandom(PAGE_BYTES)
    guest.transport.run(f"cat > {COOKIE}", stdin=cookie, timeout_s=60).check(name)
    try:
        stats = guest.controller.stats()
        with _dumped(testbed) as board:
            pages = board[frames_of(board, RAM_BASE, cookie, stats.resident)]
    finally:
        guest.transport.run(["rm", "-f", COOKIE], timeout_s=60)
    if keep is not None:
        pages.tofile(keep)
    return estimate(pages), stats


@contextmanager
def _dumped(testbed: Testbed) -> Iterator[Pages]:
    """All of the board's memory as it is at one moment."""
    size = testbed.profile.board.memory_mib << 20
    free = shutil.disk_usage(testbed.folder.path).free
    if free < size + (1 << 30):
        raise SetupError(
            f"no room for a dump of {size >> 20} MiB: {free >> 20} MiB are free",
            where=str(testbed.folder.path),
        )
    with tempfile.TemporaryDirectory(prefix="dump-", dir=testbed.folder.path) as folder:
        dump = Path(folder) / "board"
        with testbed.qmp() as qmp:
            qmp.execute("stop")
            try:
                qmp.pmemsave(dump, address=RAM_BASE, size_bytes=size)
            finally:
                qmp.execute("cont")
        yield read_dump(dump)
