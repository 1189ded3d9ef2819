# SPDX-License-Identifier: GPL-2.0-or-later
"""The Transport over ssh (paramiko), to a forwarded port of the loopback interface.

A connection is made when it is first needed and kept. QEMU's user network accepts a connection
before anything in the machine listens, so "refused", "closed at once" and "no banner yet" all
mean "not up yet" and are tried again until the deadline. A command that was sent is never sent
again: nobody can know whether it ran.
"""

from __future__ import annotations

import contextlib
import io
import logging
import shlex
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import paramiko

from harness.deadline import Deadline
from harness.errors import GuestError, MachineError, TransientError
from harness.transport.base import COMMAND_S, Completed

CONNECT_S = 20.0
# After a connection was lost, how long the machine's own account of it is waited for.
SETTLE_S = 2.0
CHUNK = 32768

# paramiko reports every refused attempt with a trace on its logger; ours are reported once.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class SshTransport:
    """One machine behind a loopback port.

    name:     of the machine, for messages
    port:     of the loopback interface
    key_file: private key
    alive:    raises when the machine is known to be gone or broken; asked before every try
    ran:      told of each command that ended: ``command``, ``status``, ``took_s``
    """

    def __init__(
        self,
        name: str,
        port: int,
        key_file: Path,
        *,
        alive: Callable[[], None] = lambda: None,
        ran: Callable[..., None] = lambda **about: None,
        connect_s: float = CONNECT_S,
    ) -> None:
        self._name = name
        self._port = port
        self._key_file = key_file
        self._alive = alive
        self._ran = ran
        self._connect_s = connect_s
        self._transport: paramiko.Transport | None = None
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._name

    @property
    def where(self) -> str:
        """For messages: which machine, which port."""
        return f"ssh {self._name}, 127.0.0.1:{self._port}"

    def wait_up(self, deadline: Deadline) -> None:
        """Connect, trying until the deadline. Raises DeadlineExceeded, or what ``alive`` does."""
        last = "nothing"
        while True:
            self._alive()
            deadline.check(f"{self._name} to answer ssh on 127.0.0.1:{self._port}", last_seen=last)
            try:
                self._connect(deadline)
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
        channel = self._channel(deadline)
        try:
            # A shell around it turns death by a signal into a status (128 + n): ssh itself would
            # report no status then, which could not be told from a lost connection.
            channel.exec_command(f"sh -c {shlex.quote(line)}; exit $?")
            pumps = [
                _Pump(channel.recv, _write_and_flush(stdout)),
                _Pump(channel.recv_stderr, _write_and_flush(stderr)),
            ]
            feeder = threading.Thread(target=_feed, args=(channel, stdin), daemon=True)
            feeder.start()
            for pump in pumps:
                while not pump.join(min(1.0, max(0.01, deadline.remaining_s()))):
                    deadline.check(f"{line!r} to end on {self._name}")
                    self._alive()
            for pump in pumps:
                if pump.error is not None:
                    raise pump.error  # for example a closed pipe on our side
            status = self._status(channel, line, deadline)
            self._ran(command=line, status=status, took_s=round(time.monotonic() - began_s, 3))
            return status
        except (paramiko.SSHException, EOFError, TimeoutError) as error:
            raise self._lost(f"{line!r} was running: {error}") from error
        finally:
            channel.close()

    def shell(self) -> int:
        from harness.transport.terminal import interact

        channel = self._channel(Deadline(self._connect_s))
        try:
            interact(channel)
            return channel.recv_exit_status()
        finally:
            channel.close()

    def push(self, source: Path, target: str, *, timeout_s: float = 300) -> None:
        executable = bool(source.stat().st_mode & 0o100)
        command = f"cat > {shlex.quote(target)}"
        if executable:
            command += f" && chmod +x {shlex.quote(target)}"
        error = io.BytesIO()
        with source.open("rb") as file:
            status = self.stream(
                command, stdin=file, stdout=io.BytesIO(), stderr=error, timeout_s=timeout_s
            )
        Completed(command, status, b"", error.getvalue()).check(self.where)

    def pull(self, source: str, target: Path, *, timeout_s: float = 300) -> None:
        command = f"cat < {shlex.quote(source)}"
        error = io.BytesIO()
        # Renamed when complete: no half file that somebody takes for the whole.
        partial = target.with_name(target.name + ".part")
        try:
            with partial.open("wb") as file:
                status = self.stream(
                    command, stdin=None, stdout=file, stderr=error, timeout_s=timeout_s
                )
            Completed(command, status, b"", error.getvalue()).check(self.where)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    def close(self) -> None:
        with self._lock:
            if self._transport is not None:
                self._transport.close()
                self._transport = None

    def _channel(self, deadline: Deadline) -> paramiko.Channel:
        """A new channel, on a new connection if the old one has ended."""
        for attempt in (1, 2):
            if self._transport is None or not self._transport.is_active():
                connecting = min(deadline.remaining_s(), self._connect_s)
                self.wait_up(Deadline(connecting))
            assert self._transport is not None
            try:
                timeout_s = max(0.1, min(deadline.remaining_s(), self._connect_s))
                return self._transport.open_session(timeout=timeout_s)
            except (paramiko.SSHException, EOFError, OSError) as error:
                # Nothing was run yet: one new connection is safe.
                self.close()
                if attempt == 2:
                    raise self._lost(f"no channel: {error}") from error
        raise AssertionError("unreachable")

    def _connect(self, deadline: Deadline) -> None:
        """One try. Raises TransientError when the machine is not up yet, GuestError if it
        answers and refuses the key."""
        timeout_s = max(0.1, min(deadline.remaining_s(), self._connect_s))
        try:
            sock = socket.create_connection(("127.0.0.1", self._port), timeout=timeout_s)
        except OSError as error:
            raise TransientError(str(error), where=self.where) from error
        transport: paramiko.Transport | None = None
        try:
            transport = paramiko.Transport(sock)
            transport.banner_timeout = timeout_s
            transport.handshake_timeout = timeout_s
            transport.auth_timeout = timeout_s
            # The machine made its host key at this boot, on a private loopback port: there is
            # nothing to compare it with.
            transport.start_client(timeout=timeout_s)
            key = paramiko.Ed25519Key.from_private_key_file(str(self._key_file))
            transport.auth_publickey("root", key)
        except paramiko.AuthenticationException as error:
            _close(transport, sock)
            raise GuestError(
                f"{self._name} refuses the testbed's key: {error}",
                where=self.where,
                hint=f"harness console {self._name}",
            ) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            _close(transport, sock)
            raise TransientError(str(error) or "closed at once", where=self.where) from error
        except BaseException:
            _close(transport, sock)
            raise
        with self._lock:
            self._transport = transport

    def _status(self, channel: paramiko.Channel, line: str, deadline: Deadline) -> int:
        while not channel.status_event.wait(min(1.0, max(0.01, deadline.remaining_s()))):
            deadline.check(f"the status of {line!r} on {self._name}")
            self._alive()
        status = channel.recv_exit_status()
        if status < 0:
            raise self._lost(f"{line!r} was running")
        return status

    def _lost(self, during: str) -> MachineError | GuestError:
        self.close()
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


def command_line(command: str | Sequence[str]) -> str:
    """A line for the machine's shell; an argument vector is quoted so that it arrives exactly."""
    return command if isinstance(command, str) else shlex.join(command)


class _Pump:
    """Moves one stream of a channel to its end on a thread of its own."""

    def __init__(self, read: Callable[[int], bytes], write: Callable[[bytes], None]) -> None:
        self.error: BaseException | None = None
        self._read, self._write = read, write
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _pump(self) -> None:
        while chunk := self._read(CHUNK):
            if self.error is None:
                try:
                    self._write(chunk)
                except (OSError, ValueError) as error:
                    self.error = error  # go on reading, or the machine would block


def _write_and_flush(stream: BinaryIO) -> Callable[[bytes], None]:
    def write(chunk: bytes) -> None:
        stream.write(chunk)
        stream.flush()

    return write


def _feed(channel: paramiko.Channel, source: BinaryIO | None) -> None:
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException, ValueError):
        if source is not None:
            read = getattr(source, "read1", source.read)
            while chunk := read(CHUNK):
                channel.sendall(chunk)
        channel.shutdown_write()


def _close(transport: paramiko.Transport | None, sock: socket.socket) -> None:
    if transport is not None:
        transport.close()
    sock.close()
