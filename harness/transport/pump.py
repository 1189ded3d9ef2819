# SPDX-License-Identifier: GPL-2.0-or-later
"""Moves bytes between a machine's streams and ours, on threads of their own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import BinaryIO

CHUNK = 32768


class Pump:
    """Moves one stream of a command to its end.

    error: of ``write``; the rest is read and dropped, or the machine would block
    """

    def __init__(self, read: Callable[[int], bytes], write: Callable[[bytes], object]) -> None:
        self.error: BaseException | None = None
        self._read, self._write = read, write
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of the stream; whether it was reached."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _pump(self) -> None:
        while chunk := self._read(CHUNK):
            if self.error is None:
                try:
                    self._write(chunk)
                except (OSError, ValueError) as error:
                    self.error = error


def feed(
    source: BinaryIO | None,
    write: Callable[[bytes], object],
    close: Callable[[], object],
    *,
    gone: tuple[type[Exception], ...] = (),
) -> None:
    """Begin to hand all of ``source`` to a command, then close its end.

    A command that does not read all of it (OSError, ValueError, ``gone``) is its own affair.
    """

    def work() -> None:
        with contextlib.suppress(OSError, ValueError, *gone):
            if source is not None:
                read = getattr(source, "read1", source.read)
                while chunk := read(CHUNK):
                    write(chunk)
        with contextlib.suppress(OSError, *gone):
            close()

    threading.Thread(target=work, daemon=True).start()


def write_and_flush(stream: BinaryIO) -> Callable[[bytes], None]:
    """Writes that are seen at once."""

    def write(chunk: bytes) -> None:
        stream.write(chunk)
        stream.flush()

    return write
