# SPDX-License-Identifier: GPL-2.0-or-later
"""ssh against a small server of our own, and against sockets that never answer."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from harness.deadline import Deadline, DeadlineExceeded
from harness.errors import GuestError, MachineError
from harness.transport.base import command_line
from harness.transport.keys import make_key
from harness.transport.ssh import SshTransport


class LocalServer(paramiko.ServerInterface):
    """An ssh server whose commands run in the local shell: what dropbear does in a guest."""

    def __init__(self, public_key: str) -> None:
        self._public_key = public_key
        self.accepted = 0
        self._live: list[paramiko.Transport] = []
        self._host_key = paramiko.RSAKey.generate(2048)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        good = username == "root" and key.get_base64() == self._public_key
        return AUTH_SUCCESSFUL if good else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=self._run, args=(channel, command), daemon=True).start()
        return True

    def drop(self) -> None:
        """Cut every connection, as a machine that is gone does."""
        for transport in self._live:
            transport.close()
        self._live.clear()

    def close(self) -> None:
        self._listener.close()
        self.drop()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            transport = paramiko.Transport(sock)
            transport.add_server_key(self._host_key)
            self._live.append(transport)
            transport.start_server(server=self, event=threading.Event())

    def _run(self, channel: paramiko.Channel, command: bytes) -> None:
        process = subprocess.Popen(
            ["sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdin
        assert process.stdout
        assert process.stderr

        # The client sends input, or its end, when it has seen the reply to its request. A channel
        # that is closed before this server's other thread has sent that reply is a refusal to it.
        replied = threading.Event()

        def pump_in() -> None:
            assert process.stdin
            try:
                while chunk := channel.recv(32768):
                    replied.set()
                    process.stdin.write(chunk)
                    process.stdin.flush()
                process.stdin.close()
            except OSError:
                pass
            finally:
                replied.set()

        def pump_err() -> None:
            assert process.stderr
            while chunk := process.stderr.read1(32768):  # type: ignore[attr-defined]
                channel.sendall_stderr(chunk)

        threads = [threading.Thread(target=pump_err, daemon=True)]
        threading.Thread(target=pump_in, daemon=True).start()
        threads[0].start()
        try:
            while chunk := process.stdout.read1(32768):  # type: ignore[attr-defined]
                channel.sendall(chunk)
            threads[0].join()
            channel.send_exit_status(process.wait())
            replied.wait()
            channel.close()
        except (OSError, EOFError):
            process.kill()
            process.wait()


@pytest.fixture
def key(tmp_path: Path) -> tuple[Path, str]:
    path = tmp_path / "key"
    return path, make_key(path)


@pytest.fixture
def server(key: tuple[Path, str]) -> Iterator[LocalServer]:
    made = LocalServer(key[1])
    yield made
    made.close()


@pytest.fixture
def ssh(server: LocalServer, key: tuple[Path, str]) -> Iterator[SshTransport]:
    transport = SshTransport("linux", server.port, key[0])
    yield transport
    transport.close()


def test_the_private_key_is_for_its_owner_only(key: tuple[Path, str]) -> None:
    assert key[0].stat().st_mode & 0o777 == 0o600
    assert len(key[1]) == 68


def test_output_and_status_are_exact(ssh: SshTransport) -> None:
    done = ssh.run("printf 'out\\000\\377'; printf 'err\\n' >&2; exit 37")
    assert (done.status, done.stdout, done.stderr) == (37, b"out\0\xff", b"err\n")


def test_words_arrive_exactly_as_given(ssh: SshTransport) -> None:
    words = ["printf", "%s|", "a b", "$HOME", "'", '"', "", "*", "\n", "é"]
    assert ssh.run(words).stdout.decode() == "".join(f"{word}|" for word in words[2:])


def test_death_by_a_signal_is_a_status_and_no_lost_connection(ssh: SshTransport) -> None:
    assert ssh.run("kill -SEGV $$").status == 128 + 11


def test_input_is_binary_and_ends(ssh: SshTransport) -> None:
    content = os.urandom(300_000)
    assert ssh.run("cat", stdin=content).stdout == content


def test_much_output_on_both_streams_at_once_does_not_block(ssh: SshTransport) -> None:
    done = ssh.run("(head -c 3000000 /dev/zero >&2) & head -c 3000000 /dev/zero; wait")
    assert (len(done.stdout), len(done.stderr)) == (3_000_000, 3_000_000)


def test_files_go_in_and_out_unchanged(ssh: SshTransport, tmp_path: Path) -> None:
    source = tmp_path / "source file"
    source.write_bytes(os.urandom(123_457))
    source.chmod(0o755)
    there = tmp_path / "it's there"
    ssh.push(source, str(there))
    assert there.read_bytes() == source.read_bytes()
    assert os.access(there, os.X_OK)
    back = tmp_path / "back"
    ssh.pull(str(there), back)
    assert back.read_bytes() == source.read_bytes()


def test_a_pull_that_fails_leaves_no_file(ssh: SshTransport, tmp_path: Path) -> None:
    with pytest.raises(GuestError):
        ssh.pull("/nonexistent/file", tmp_path / "back")
    assert not list(tmp_path.glob("back*"))


def test_a_failed_command_says_what_it_said(ssh: SshTransport) -> None:
    with pytest.raises(GuestError, match="status 3: no such disk"):
        ssh.succeed("echo no such disk >&2; exit 3")


def test_one_connection_serves_many_commands(ssh: SshTransport, server: LocalServer) -> None:
    for n in range(5):
        assert ssh.succeed(f"echo {n}") == str(n)
    assert server.accepted == 1


def test_a_new_connection_is_made_when_the_old_one_was_cut_in_between(
    ssh: SshTransport, server: LocalServer
) -> None:
    ssh.succeed("true")
    server.drop()
    time.sleep(0.2)
    assert ssh.succeed("echo again") == "again"


def test_a_command_that_was_cut_is_not_run_again(
    ssh: SshTransport, server: LocalServer, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    threading.Timer(0.7, server.drop).start()
    with pytest.raises(GuestError, match="lost the connection to linux"):
        ssh.run(f"echo x >> {mark}; sleep 30", timeout_s=20)
    time.sleep(0.3)
    assert mark.read_text() == "x\n"


def test_a_command_that_does_not_end_runs_into_its_deadline(ssh: SshTransport) -> None:
    with pytest.raises(DeadlineExceeded, match="sleep 30"):
        ssh.run("sleep 30", timeout_s=0.5)
    assert ssh.succeed("echo still there") == "still there"


def test_a_wrong_key_is_an_error_at_once(server: LocalServer, tmp_path: Path) -> None:
    make_key(tmp_path / "other")
    ssh = SshTransport("linux", server.port, tmp_path / "other")
    started = time.monotonic()
    with pytest.raises(GuestError, match="refuses the testbed's key"):
        ssh.wait_up(Deadline(20))
    assert time.monotonic() - started < 10


def test_ssh_that_accepts_and_never_answers_runs_into_the_deadline(key: tuple[Path, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as dumb:
        ssh = SshTransport("linux", dumb.getsockname()[1], key[0], connect_s=1.0)
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded) as caught:
            ssh.run("true")
        assert time.monotonic() - started < 10
    assert "linux to answer ssh" in str(caught.value)


def test_ssh_that_closes_at_once_is_tried_until_it_is_up(key: tuple[Path, str]) -> None:
    """QEMU's user network accepts before anything listens in the machine."""
    with socket.create_server(("127.0.0.1", 0)) as closing:

        def slam() -> None:
            while True:
                try:
                    closing.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=slam, daemon=True).start()
        ssh = SshTransport("linux", closing.getsockname()[1], key[0])
        with pytest.raises(DeadlineExceeded):
            ssh.wait_up(Deadline(1))


def test_a_machine_that_is_known_to_be_gone_is_not_waited_for(key: tuple[Path, str]) -> None:
    def alive() -> None:
        raise MachineError("QEMU was killed by SIGKILL")

    with socket.create_server(("127.0.0.1", 0)) as dumb:
        ssh = SshTransport("linux", dumb.getsockname()[1], key[0], alive=alive)
        with pytest.raises(MachineError, match="SIGKILL"):
            ssh.run("true")


def test_a_stream_that_cannot_be_written_to_is_an_error(ssh: SshTransport) -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        ssh.stream("echo much", stdin=None, stdout=Full(), stderr=io.BytesIO())


def test_one_string_is_a_line_for_the_shell() -> None:
    assert command_line("a | b") == "a | b"
    assert command_line(["a", "b c"]) == "a 'b c'"
