# SPDX-License-Identifier: GPL-2.0-or-later
"""The caller's terminal joined to a shell in a machine."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import sys
import termios
import tty
from collections.abc import Iterator

import paramiko


def interact(channel: paramiko.Channel) -> None:
    """Run a login shell on the caller's terminal (or pipe) until it ends."""
    interactive = sys.stdin.isatty()
    if interactive:
        size = shutil.get_terminal_size()
        channel.get_pty(os.environ.get("TERM", "vt100"), size.columns, size.lines)
    channel.invoke_shell()
    with _raw_terminal(channel) if interactive else contextlib.nullcontext():
        _relay(channel)


def _relay(channel: paramiko.Channel) -> None:
    sources = [channel, sys.stdin.fileno()]
    while True:
        readable, _, _ = select.select(sources, [], [])
        if channel in readable:
            while channel.recv_stderr_ready():
                os.write(sys.stderr.fileno(), channel.recv_stderr(32768))
            if channel.recv_ready() or channel.eof_received or channel.closed:
                chunk = channel.recv(32768)
                if not chunk:
                    return
                os.write(sys.stdout.fileno(), chunk)
        if sys.stdin.fileno() in readable:
            typed = os.read(sys.stdin.fileno(), 32768)
            if typed:
                channel.sendall(typed)
            else:
                channel.shutdown_write()
                sources = [channel]


@contextlib.contextmanager
def _raw_terminal(channel: paramiko.Channel) -> Iterator[None]:
    before = termios.tcgetattr(sys.stdin)

    def resized(*_: object) -> None:
        size = shutil.get_terminal_size()
        channel.resize_pty(size.columns, size.lines)

    old = signal.signal(signal.SIGWINCH, resized)
    try:
        tty.setraw(sys.stdin)
        yield
    finally:
        signal.signal(signal.SIGWINCH, old)
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
