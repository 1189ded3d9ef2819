# SPDX-License-Identifier: GPL-2.0-or-later
"""The Transport over adb (Debian's client), to a forwarded port of the loopback interface.

Every AdbTransport has an adb server of its own, which ends with it: nothing of the user's adb is
touched, and none is left behind. adb's own exit status does not tell a lost connection from a
command that succeeded, so each command ends its standard error with its status (see ``_Tail``).
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from harness.deadline import Deadline
from harness.errors import GuestError, SetupError, TransientError
from harness.processes import die_with_parent
from harness.transport.base import CONNECT_S, LoopbackTransport, whole_file
from harness.transport.pump import Pump, feed

ADB = "adb"
CLIENT_S = 30.0


class AdbTransport(LoopbackTransport):
    """Its ways into one machine; adb may keep its files in the existing folder ``home``."""

    WAY = "adb"

    def __init__(
        self,
        name: str,
        port: int,
        home: Path,
        *,
        alive: Callable[[], None] = lambda: None,
        ran: Callable[..., None] = lambda **about: None,
        connect_s: float = CONNECT_S,
    ) -> None:
        super().__init__(name, port, alive=alive, ran=ran, connect_s=connect_s)
        self._home = home
        self._server: subprocess.Popen[bytes] | None = None
        self._server_port = 0
        self._up = False
        self._lock = threading.Lock()

    def _run(
        self,
        line: str,
        deadline: Deadline,
        *,
        stdin: BinaryIO | None,
        stdout: BinaryIO,
        stderr: BinaryIO,
    ) -> int:
        self._ensure_up(deadline)
        tail = _Tail(stderr)
        words = ["-s", self.address, "shell", "-T", f"sh -c {shlex.quote(line)}; {_Tail.COMMAND}"]
        client = self._client(words, stdin=subprocess.PIPE)
        assert client.stdin is not None
        assert client.stdout is not None
        assert client.stderr is not None
        try:
            pumps = [
                Pump(client.stdout.read, stdout.write),
                Pump(client.stderr.read, tail.write),
            ]
            feed(stdin, client.stdin.write, client.stdin.close)
            self._drain(pumps, line, deadline)
            stdout.flush()
            client.wait(CLIENT_S)
        finally:
            _end(client)
        status = tail.finish()
        if status is None:
            raise self._lost(f"{line!r} was running")
        return status

    def shell(self) -> int:
        self._ensure_up(Deadline(self._connect_s))
        return self.adb(["shell"])

    def adb(self, arguments: Sequence[str]) -> int:
        """adb itself with these arguments, for this machine, on our own streams; its status."""
        self._ensure_up(Deadline(self._connect_s))
        done = subprocess.run(
            [ADB, "-P", str(self._server_port), "-s", self.address, *arguments],
            env=self._environment(),
            check=False,
        )
        return done.returncode

    def push(self, source: Path, target: str, *, timeout_s: float = 300) -> None:
        self._copy(["push", str(source), target], timeout_s)

    def pull(self, source: str, target: Path, *, timeout_s: float = 300) -> None:
        with whole_file(target) as partial:
            self._copy(["pull", source, str(partial)], timeout_s)

    def close(self) -> None:
        with self._lock:
            if self._server is not None:
                _end(self._server)
            self._server, self._up = None, False

    def _copy(self, arguments: Sequence[str], timeout_s: float) -> None:
        deadline = Deadline(timeout_s)
        self._ensure_up(deadline)
        client = self._client(["-s", self.address, *arguments], stdin=subprocess.DEVNULL)
        try:
            said = client.communicate(timeout=max(0.1, deadline.remaining_s()))
        except subprocess.TimeoutExpired:
            deadline.check(f"adb {' '.join(arguments)} to end")
            raise
        finally:
            _end(client)
        if client.returncode:
            self._alive()
            words = b"".join(said).decode("utf-8", "replace").strip()
            raise GuestError(f"adb {arguments[0]} failed: {words[-400:]}", where=self.where)

    def _ensure_up(self, deadline: Deadline) -> None:
        if not self._up or self._server is None or self._server.poll() is not None:
            self.wait_up(Deadline(min(deadline.remaining_s(), self._connect_s)))

    def _connect(self, deadline: Deadline) -> None:
        with self._lock:
            if self._server is None or self._server.poll() is not None:
                self._start_server()
        # QEMU's user network takes the connection before anything in the machine listens; the
        # server then has a device that is offline until it is told to forget it.
        self._ask(["disconnect", self.address])
        said = self._ask(["connect", self.address])
        state = self._ask(["-s", self.address, "get-state"])
        if state != "device":
            raise TransientError(f"{said}; {state}", where=self.where)
        self._up = True

    def _start_server(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._server_port = free.getsockname()[1]
        try:
            self._server = subprocess.Popen(
                [ADB, "-P", str(self._server_port), "nodaemon", "server"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=self._environment(),
                start_new_session=True,  # Ctrl-C is for the command, not for the server
                preexec_fn=die_with_parent,
            )
        except FileNotFoundError as error:
            raise SetupError("adb is not installed", hint="harness doctor") from error
        # A client that comes too early would start a server of its own, which stays.
        deadline = Deadline(CLIENT_S)
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self._server_port), timeout=1).close()
                return
            deadline.check("the adb server to listen")
            time.sleep(0.02)

    def _ask(self, arguments: Sequence[str]) -> str:
        client = self._client(arguments, stdin=subprocess.DEVNULL)
        try:
            out, err = client.communicate(timeout=CLIENT_S)
        except subprocess.TimeoutExpired as error:
            raise TransientError("adb does not answer", where=self.where) from error
        finally:
            _end(client)
        return (out or err).decode("utf-8", "replace").strip()

    def _client(self, arguments: Sequence[str], *, stdin: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [ADB, "-P", str(self._server_port), *arguments],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment(),
            bufsize=0,
        )

    def _environment(self) -> dict[str, str]:
        """Keys go into the testbed's folder; this machine's emulators are not looked for."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("ANDROID_", "ADB_"))}
        return {**clean, "HOME": str(self._home), "ADB_LOCAL_TRANSPORT_MAX_PORT": "0"}

    def _forget(self) -> None:
        self._up = False


class _Tail:
    """Passes on standard error but for its end, where the command's status is."""

    COMMAND = r"printf '\0xmc%03d' $? >&2"
    _BYTES = 7
    _END = re.compile(rb"\0xmc(\d{3})")

    def __init__(self, to: BinaryIO) -> None:
        self._to = to
        self._held = b""

    def write(self, data: bytes) -> None:
        self._held += data
        ready, self._held = self._held[: -self._BYTES], self._held[-self._BYTES :]
        if ready:
            self._to.write(ready)
            self._to.flush()

    def finish(self) -> int | None:
        """The status; None when the connection ended before the command."""
        end = self._END.fullmatch(self._held)
        if end is None:
            self._to.write(self._held)
        self._to.flush()
        return int(end[1]) if end else None


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
