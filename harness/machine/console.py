# SPDX-License-Identifier: GPL-2.0-or-later
"""A console: captured to a timestamped log from its first byte, and waited on.

    with Console("xen", sock, log_dir=..., clock=...) as console:
        console.expect(r"XMC-DOM0-READY", Deadline(60))

A reader thread of its own owns the socket, so nothing is lost while nobody waits. Each line goes
to ``<name>.log`` with the machine's time before it and past the table of bad patterns; what was
read is handed to pexpect, which does the matching.
"""

from __future__ import annotations

import codecs
import contextlib
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import pexpect
from pexpect.spawnbase import SpawnBase

from harness.deadline import Deadline
from harness.errors import HarnessError, MachineError
from harness.machine.patterns import BadLine, BadPattern, find_bad

# A register dump and a call trace of Xen are about 60 lines.
LINES_BEFORE = 12
LINES_AFTER = 70
# How long a console must be silent before a report that follows a bad line counts as complete.
SILENCE_S = 0.4
# Of a twentieth of a second each.
ENDING_TURNS = 40
# What is kept for a wait that begins later; the log has all of it.
PENDING_BYTES = 1 << 20


if TYPE_CHECKING:
    _TextSpawn = SpawnBase[str]
else:  # generic in its stubs only
    _TextSpawn = SpawnBase


class _Feed(_TextSpawn):
    """pexpect's matcher on bytes that another thread has read."""

    def __init__(self, console: Console) -> None:
        super().__init__(timeout=None, maxread=65536, encoding="utf-8", codec_errors="replace")
        self._console = console
        # Ours, not pexpect's: a character may be split between two reads.
        self._text = codecs.getincrementaldecoder("utf-8")("replace")

    def read_nonblocking(self, size: int = 1, timeout: float | None = None) -> str:
        chunk = self._console._take(size, timeout)
        if chunk is None:
            raise pexpect.TIMEOUT("console is silent")
        if not chunk:
            self.flag_eof = True
            raise pexpect.EOF("console closed")
        return self._text.decode(chunk)


class Console:
    """One console of the machine.

    name:     also the name of its log
    sock:     connected stream socket; owned from here on
    clock:    seconds since the machine was started, for the log
    allow:    names of bad patterns that are expected
    on_event: called (from the reader's thread) after a bad line was seen and after the end
    """

    def __init__(
        self,
        name: str,
        sock: socket.socket,
        *,
        log_dir: Path,
        clock: Callable[[], float],
        allow: Collection[str] = (),
        on_event: Callable[[Console], None] = lambda console: None,
    ) -> None:
        self.name = name
        self.log = log_dir / f"{name}.log"
        self.allow = frozenset(allow)
        self._sock = sock
        self._clock = clock
        self._on_event = on_event
        self._changed = threading.Condition()
        self._pending = bytearray()
        self._partial = bytearray()
        self._recent: deque[str] = deque(maxlen=LINES_BEFORE)
        self._bad: tuple[BadPattern, str, list[str]] | None = None
        self._last_read_s = time.monotonic()
        self._closed = False
        self._last_line = ""
        self._file = self.log.open("w", encoding="utf-8", errors="replace")
        self._feed = _Feed(self)
        self._reader = threading.Thread(target=self._read, name=f"console {name}", daemon=True)
        self._reader.start()

    @property
    def closed(self) -> bool:
        """Whether the machine's end is gone."""
        return self._closed

    @property
    def last_line(self) -> str:
        """The last line that was not empty, for messages."""
        return self._last_line

    @property
    def bad(self) -> BadLine | None:
        """The first bad line, once the report that follows it has been read completely."""
        with self._changed:
            if self._bad is None:
                return None
            pattern, line, around = self._bad
            return BadLine(self.name, pattern, line, tuple(around))

    def bad_complete(self) -> BadLine | None:
        """Like ``bad``, after waiting (at most three seconds) for its report to end."""
        if self._bad is None:
            return None
        for _ in range(30):
            silent = time.monotonic() - self._last_read_s > SILENCE_S
            if self._closed or silent or len(self._bad[2]) >= LINES_BEFORE + LINES_AFTER:
                break
            time.sleep(0.1)
        return self.bad

    def check(self) -> None:
        """Raise what a bad line stands for, if there was one."""
        bad = self.bad_complete()
        if bad is not None:
            raise bad.error()

    def expect(
        self, pattern: str, deadline: Deadline, *, alive: Callable[[], None] = lambda: None
    ) -> re.Match[str]:
        """Wait until the console says ``pattern`` (a regular expression) and return the match.

        Output is consumed up to the end of the match. ``alive`` is called now and then and raises
        when waiting has become pointless. Raises DeadlineExceeded with the last line
        seen, MachineError when the console ends first, and the error of a bad line.
        """
        what = f"{pattern!r} on console {self.name}"
        while True:
            deadline.check(what, last_seen=self._last_line)
            try:
                # Short turns, so that a bad line and the deadline are noticed in time.
                self._feed.expect(pattern, timeout=min(0.25, max(0.01, deadline.remaining_s())))
            except pexpect.TIMEOUT:
                self.check()
                alive()
                continue
            except pexpect.EOF:
                self.check()
                # A console ends a moment before its process can be seen to have: its end says more.
                for _ in range(ENDING_TURNS):
                    alive()
                    time.sleep(0.05)
                raise MachineError(
                    f"console ended while waiting for {pattern!r}",
                    where=f"console {self.name}",
                    hint=str(self.log),
                    context=tuple(self._recent),
                ) from None
            match = self._feed.match
            assert isinstance(match, re.Match)
            return match

    def send(self, text: str) -> None:
        """Type on the console."""
        try:
            self._sock.sendall(text.encode())
        except OSError as error:
            raise MachineError(f"console is gone: {error}", where=f"console {self.name}") from error

    def close(self) -> None:
        """End the capture; the log stays."""
        with contextlib.suppress(OSError):  # the other end may have gone first
            self._sock.shutdown(socket.SHUT_RDWR)
        self._reader.join(timeout=5)
        self._sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _take(self, size: int, timeout: float | None) -> bytes | None:
        """Pending bytes; None when there are none in time, b"" at the end."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._pending or self._closed or self._bad is not None, timeout
            )
            if not self._pending:
                return b"" if self._closed else None
            chunk = bytes(self._pending[:size])
            del self._pending[:size]
            return chunk

    def _read(self) -> None:
        with self._file:
            while True:
                try:
                    chunk = self._sock.recv(65536)
                except OSError:
                    chunk = b""
                with self._changed:
                    if not chunk:
                        break
                    self._last_read_s = time.monotonic()
                    self._pending += chunk
                    del self._pending[:-PENDING_BYTES]  # nobody may ever wait on this console
                    had_bad = self._bad is not None
                    self._partial += chunk
                    *lines, rest = bytes(self._partial).split(b"\n")
                    self._partial = bytearray(rest)
                    for line in lines:
                        self._line(line)
                    self._file.flush()
                    self._changed.notify_all()
                if self._bad is not None and not had_bad:
                    self._on_event(self)
            with self._changed:
                if self._partial:
                    self._line(bytes(self._partial))
                self._closed = True
                self._changed.notify_all()
        self._on_event(self)

    def _line(self, raw: bytes) -> None:
        line = raw.decode("utf-8", "replace").rstrip("\r")
        self._file.write(f"[{self._clock():12.6f}] {line}\n")
        if line.strip():
            self._last_line = line.strip()
        if self._bad is not None:
            if len(self._bad[2]) < LINES_BEFORE + LINES_AFTER:
                self._bad[2].append(line)
        else:
            pattern = find_bad(line, allow=self.allow)
            if pattern is not None:
                self._bad = (pattern, line, [*self._recent, line])
        self._recent.append(line)


def first_failure(consoles: Collection[Console]) -> HarnessError | None:
    """The error of the first console that said something bad."""
    for console in consoles:
        bad = console.bad_complete()
        if bad is not None:
            return bad.error()
    return None
