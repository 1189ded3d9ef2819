# SPDX-License-Identifier: GPL-2.0-or-later
"""The Transport over ssh (paramiko), to a forwarded port of the loopback interface.

A connection is made when it is first needed and kept. QEMU's user network accepts a connection
before anything in the machine listens, so "refused", "closed at once" and "no banner yet" all
mean "not up yet" and are tried again until the deadline. A command that was sent is never sent
again: nobody can know whether it ran.
"""

from __future__ import annotations

import io
import logging
import shlex
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import paramiko

from harness.deadline import Deadline
from harness.errors import GuestError, TransientError
from harness.transport.base import CONNECT_S, Completed, LoopbackTransport, whole_file
from harness.transport.pump import Pump, feed, write_and_flush

# paramiko reports every refused attempt with a trace on its logger; ours are reported once.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class SshTransport(LoopbackTransport):
    """Its ways into one machine, by a private key that lies in ``key_file``."""

    WAY = "ssh"

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
        super().__init__(name, port, alive=alive, ran=ran, connect_s=connect_s)
        self._key_file = key_file
        self._transport: paramiko.Transport | None = None
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
        channel = self._channel(deadline)
        try:
            # A shell around it turns death by a signal into a status (128 + n): ssh itself would
            # report no status then, which could not be told from a lost connection.
            channel.exec_command(f"sh -c {shlex.quote(line)}; exit $?")
            pumps = [
                Pump(channel.recv, write_and_flush(stdout)),
                Pump(channel.recv_stderr, write_and_flush(stderr)),
            ]
            ended = (EOFError, paramiko.SSHException)
            feed(stdin, channel.sendall, channel.shutdown_write, gone=ended)
            self._drain(pumps, line, deadline)
            return self._status(channel, line, deadline)
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
        with whole_file(target) as partial:
            with partial.open("wb") as file:
                status = self.stream(
                    command, stdin=None, stdout=file, stderr=error, timeout_s=timeout_s
                )
            Completed(command, status, b"", error.getvalue()).check(self.where)

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

    def _forget(self) -> None:
        self.close()


def _close(transport: paramiko.Transport | None, sock: socket.socket) -> None:
    if transport is not None:
        transport.close()
    sock.close()
