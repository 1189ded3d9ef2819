# SPDX-License-Identifier: GPL-2.0-or-later
"""The Transport over adb (Debian's client), to a forwarded port of the loopback interface.

Every AdbTransport has an adb server of its own, which ends with it: nothing of the user's adb is
touched, and none is left behind. adb's own exit status does not tell a lost connection from a
command that succeeded, so each command ends its standard error with its status (see ``_Tail``).
"""

from __future__ import annotations

import contextlib
import io
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
from typing import IO, BinaryIO

from harness.deadline import Deadline
from harness.errors import GuestError, SetupError, TransientError
from harness.processes import die_with_parent
from harness.transport.base import COMMAND_S, Completed
from harness.transport.ssh import CHUNK, CONNECT_S, SETTLE_S, command_line

ADB = "adb"
CLIENT_S = 30.0


class AdbTransport:
    """One machine behind a loopback port.

    name:  of the machine, for messages
    port:  of the loopback interface
    home:  existing folder in which adb may keep its files
    alive: raises when the machine is known to be gone or broken; asked before every try
    ran:   told of each command that ended: ``command``, ``status``, ``took_s``
    """

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
        self._name = name
        self._port = port
        self._home = home
        self._alive = alive
        self._ran = ran
        self._connect_s = connect_s
        self._server: subprocess.Popen[bytes] | None = None
        self._server_port = 0
        self._up = False
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._name

    @property
    def where(self) -> str:
        return f"adb {self._name}, {self._serial}"

    @property
    def _serial(self) -> str:
        return f"127.0.0.1:{self._port}"

    def wait_up(self, deadline: Deadline) -> None:
        """Connect, trying until the deadline. Raises DeadlineExceeded, or what ``alive`` does."""
        last = "nothing"
        while True:
            self._alive()
            deadline.check(f"{self._name} to answer adb on {self._serial}", last_seen=last)
            try:
                self._connect()
            except TransientError as error:
                last = error.message
                time.sleep(min(0.2, max(0.0, deadline.remaining_s())))
            else:
                return

    def run(
        self,
        command: str | Sequence[str],
        *,
        timeout_s: float = COMMAND_S,
        stdin: bytes = b"",
    ) -> Completed:
        line = command_line(command)
        stdout, stderr = io.BytesIO(), io.BytesIO()
        status = self.stream(
            line, stdin=io.BytesIO(stdin), stdout=stdout, stderr=stderr, timeout_s=timeout_s
        )
        return Completed(line, status, stdout.getvalue(), stderr.getvalue())

    def succeed(self, command: str | Sequence[str], *, timeout_s: float = COMMAND_S) -> str:
        return self.run(command, timeout_s=timeout_s).check(self.where).text

    def stream(
        self,
        command: str | Sequence[str],
        *,
        stdin: BinaryIO | None,
        stdout: BinaryIO,
        stderr: BinaryIO,
        timeout_s: float | None = None,
    ) -> int:
        line = command_line(command)
        deadline = Deadline(timeout_s if timeout_s is not None else float("inf"))
        began_s = time.monotonic()
        self._ensure_up(deadline)
        tail = _Tail(stderr)
        words = ["-s", self._serial, "shell", "-T", f"sh -c {shlex.quote(line)}; {_Tail.COMMAND}"]
        client = self._client(words, stdin=subprocess.PIPE)
        assert client.stdin is not None
        assert client.stdout is not None
        assert client.stderr is not None
        try:
            pumps = [_Pump(client.stdout, stdout.write), _Pump(client.stderr, tail.write)]
            feeder = threading.Thread(target=_feed, args=(client.stdin, stdin), daemon=True)
            feeder.start()
            for pump in pumps:
                while not pump.join(min(1.0, max(0.01, deadline.remaining_s()))):
                    deadline.check(f"{line!r} to end on {self._name}")
                    self._alive()
            for pump in pumps:
                if pump.error is not None:
                    raise pump.error  # for example a closed pipe on our side
            stdout.flush()
            client.wait(CLIENT_S)
        finally:
            _end(client)
        status = tail.finish()
        if status is None:
            raise self._lost(f"{line!r} was running")
        self._ran(command=line, status=status, took_s=round(time.monotonic() - began_s, 3))
        return status

    def shell(self) -> int:
        self._ensure_up(Deadline(self._connect_s))
        return self.adb(["shell"])

    def adb(self, arguments: Sequence[str]) -> int:
        """adb itself with these arguments, for this machine, on our own streams; its status."""
        self._ensure_up(Deadline(self._connect_s))
        done = subprocess.run(
            [ADB, "-P", str(self._server_port), "-s", self._serial, *arguments],
            env=self._environment(),
            check=False,
        )
        return done.returncode

    def push(self, source: Path, target: str, *, timeout_s: float = 300) -> None:
        self._copy(["push", str(source), target], timeout_s)

    def pull(self, source: str, target: Path, *, timeout_s: float = 300) -> None:
        # Renamed when complete: no half file that somebody takes for the whole.
        partial = target.with_name(target.name + ".part")
        try:
            self._copy(["pull", source, str(partial)], timeout_s)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    def close(self) -> None:
        with self._lock:
            if self._server is not None:
                _end(self._server)
            self._server, self._up = None, False

    def _copy(self, arguments: Sequence[str], timeout_s: float) -> None:
        deadline = Deadline(timeout_s)
        self._ensure_up(deadline)
        client = self._client(["-s", self._serial, *arguments], stdin=subprocess.DEVNULL)
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

    def _connect(self) -> None:
        """One try. Raises TransientError when the machine is not up yet."""
        with self._lock:
            if self._server is None or self._server.poll() is not None:
                self._start_server()
        # QEMU's user network takes the connection before anything in the machine listens; the
        # server then has a device that is offline until it is told to forget it.
        self._ask(["disconnect", self._serial])
        said = self._ask(["connect", self._serial])
        state = self._ask(["-s", self._serial, "get-state"])
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

    def _lost(self, during: str) -> GuestError:
        self._up = False
        # Why is known a moment later: whoever watches the machine needs time to say so.
        settled = Deadline(SETTLE_S)
        while not settled.expired:
            self._alive()
            time.sleep(0.05)
        return GuestError(
            f"lost the connection to {self._name} while {during}",
            where=self.where,
            hint=f"harness console {self._name}",
        )


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


class _Pump:
    """Moves what a client says to its end on a thread of its own."""

    def __init__(self, source: IO[bytes], write: Callable[[bytes], object]) -> None:
        self.error: BaseException | None = None
        self._source, self._write = source, write
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _pump(self) -> None:
        try:
            while data := self._source.read(CHUNK):
                self._write(data)
        except (OSError, ValueError) as error:
            self.error = error


def _feed(target: IO[bytes], source: BinaryIO | None) -> None:
    with contextlib.suppress(OSError, ValueError):  # it does not read all: its own affair
        read = getattr(source, "read1", getattr(source, "read", bytes))
        while data := read(CHUNK) if source is not None else b"":
            target.write(data)
    with contextlib.suppress(OSError):
        target.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
