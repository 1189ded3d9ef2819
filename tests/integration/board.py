# SPDX-License-Identifier: GPL-2.0-or-later
"""The board's memory as it is, from outside of everything that runs on it."""

from __future__ import annotations

import mmap
import re
import socket
from collections.abc import Iterator
from pathlib import Path

from harness.machine.argv import GDB_SOCKET
from harness.machine.qmp import connect_unix
from harness.testbed import Testbed

# QEMU's board "virt".
RAM_BASE = 0x40000000
_BANK = re.compile(r"BANK\[\d+\] (0x[0-9a-f]+)-(0x[0-9a-f]+)")


def dom0_banks(testbed: Testbed) -> list[range]:
    """What of it is dom0's, by what Xen said when it made it: frames are mapped 1:1."""
    said = testbed.consoles()["xen"].read_text("utf-8", "replace")
    banks = [range(int(first, 16), int(end, 16)) for first, end in _BANK.findall(said)]
    assert banks
    return banks


def places_of(testbed: Testbed, pattern: bytes, scratch: Path) -> list[int]:
    """Physical addresses that hold this, but for dom0's own memory."""
    banks = dom0_banks(testbed)
    image = scratch / "memory"
    size = testbed.profile.board.memory_mib << 20
    try:
        with testbed.qmp() as qmp:
            qmp.pmemsave(image, address=RAM_BASE, size_bytes=size)
        with image.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as memory:
            found = [RAM_BASE + at for at in _all(memory, pattern)]
    finally:
        image.unlink(missing_ok=True)
    return [at for at in found if not any(at in bank for bank in banks)]


def _all(memory: mmap.mmap, pattern: bytes) -> Iterator[int]:
    at = memory.find(pattern)
    while at >= 0:
        yield at
        at = memory.find(pattern, at + 1)


def write(testbed: Testbed, address: int, content: bytes) -> None:
    """Write physical memory, by QEMU's own gdb server; the board stands still meanwhile."""
    with testbed.qmp() as qmp:
        qmp.hmp(f"gdbserver unix:{GDB_SOCKET},server=on,wait=off")
        with connect_unix(testbed.folder.path / GDB_SOCKET) as stub:
            stub.settimeout(30)
            _ask(stub, "Qqemu.PhyMemMode:1")
            _ask(stub, f"M{address:x},{len(content):x}:{content.hex()}")
            # Let go of it.
            _ask(stub, "D")
        qmp.hmp("gdbserver none")


def _ask(stub: socket.socket, command: str) -> None:
    """One packet of gdb's remote protocol, and its answer, which has to be OK."""
    stub.sendall(f"${command}#{sum(command.encode()) & 0xFF:02x}".encode())
    said = b""
    while not re.search(rb"\$OK#9a", said):
        more = stub.recv(4096)
        assert more, f"{command}: {said!r}"
        said += more
        assert not re.search(rb"\$(E..)?#..", said), f"{command}: {said!r}"
    stub.sendall(b"+")
