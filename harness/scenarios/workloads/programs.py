# SPDX-License-Identifier: GPL-2.0-or-later
"""Real programs in a guest: from a disk of their own, started, asked, and ended.

The disk (``images/programs``) is mounted read-only and becomes the root of what runs from it. A
program that holds memory reads commands from one FIFO and answers to another: it stays between two
pieces of work, as a program of somebody who turned to something else does.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.build.elf import MAGIC, is_arm64
from harness.errors import GuestError, ScenarioFailed
from harness.report.run import Scalar
from harness.scenarios.bed import Guest
from harness.scenarios.load import REQUEST_TIMEOUT_S, guest_run

DISK = "/dev/xvdc"  # harness.machine.disks: the role PROGRAMS
ROOT = "/programs"
BINDS = ("proc", "sys", "dev", "tmp", "run")
STARTED_S = 60.0
# Of an ELF file: until e_machine.
HEAD_BYTES = 20
# Of lines in one: the guest's ssh server takes 9000 of a command, and then ends the connection.
REQUEST_BYTES = 6000


def needs_disk(guest: str) -> Mapping[str, Scalar]:
    """Keys of the profile for a guest that runs real programs."""
    return {f"guests.{guest}.programs": True}


def mount(guest: Guest) -> None:
    """Mount the disk, once. Raises GuestError where the guest has none."""
    binds = " && ".join(f"mount -o bind /{name} {ROOT}/{name}" for name in BINDS)
    guest_run(
        guest,
        f"grep -q ' {ROOT} ' /proc/mounts || {{ mkdir -p {ROOT} && test -b {DISK} ||"
        f" {{ echo this guest has no disk of programs: programs = true >&2; false; }} &&"
        f" mount -t ext4 -o ro,noload {DISK} {ROOT} && {binds}; }}",
    )


def in_root(*words: str) -> list[str]:
    """A command with the disk as its root."""
    return ["chroot", ROOT, *words]


def require_arm64(guest: Guest, path: str) -> None:
    """Raise GuestError when a program in the guest is for another machine, or is none."""
    head = guest_run(guest, f"head -c {HEAD_BYTES} {shlex.quote(path)}")
    if head.startswith(b"#!") or is_arm64(head):
        return
    kind = "for another machine" if head.startswith(MAGIC[:4]) else "no program"
    raise GuestError(
        f"{path} is {kind}: guests run arm64",
        where=guest.name,
        hint="a workload's program is built for aarch64, static or with its libraries",
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program said, and the ticks of the guest's counter that it took."""

    text: str
    ticks: int
    ticks_hz: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """A program that reads lines and answers each request with lines, the last of them a dot."""

    guest: Guest
    name: str
    pid: int

    @classmethod
    def start(
        cls, guest: Guest, name: str, words: Sequence[str], *, prefix: Sequence[str] = ()
    ) -> Conversation:
        """Start it. Raises GuestError with what it said when it does not run."""
        mount(guest)
        require_arm64(guest, f"{ROOT}/{words[0].lstrip('/')}")
        into, out, said = cls._files(name)
        command = shlex.join([*prefix, *in_root(*words)])
        # A session of its own: all of it can be ended. It holds both ends of both FIFOs, so that
        # it never sees an end of what it reads.
        pid = guest_run(
            guest,
            f"rm -f {into} {out} && mkfifo {into} {out} && {{ setsid {command} 0<> {into} 1<>"
            f" {out} 2> {said} & echo $!; }}",
        )
        return cls(guest, name, int(pid))

    @staticmethod
    def _files(name: str) -> tuple[str, str, str]:
        return f"/run/{name}.in", f"/run/{name}.out", f"/run/{name}.err"

    def ask(self, *lines: str) -> Answer:
        """Give it lines; its answer. Raises GuestError when it was killed."""
        into, out, said = self._files(self.name)
        words = ["memload", "ask", "--in", into, "--out", out, "--", *lines]
        done = self.guest.shell.run(shlex.join(words), timeout_s=REQUEST_TIMEOUT_S)
        if done.status:
            last = guest_run(self.guest, f"cat {said}").decode(errors="replace").strip()
            raise GuestError(
                f"{self.name} is gone: {last[-300:] or 'killed'}",
                where=self.guest.name,
                hint="dmesg in the guest says whom the kernel killed",
            )
        numbers, text = parse_numbers(done.stdout, ("hz", "ticks"), where=self.name)
        return Answer(text, numbers["ticks"], numbers["hz"])

    def stop(self) -> None:
        """End it, and all that it started."""
        guest_run(
            self.guest,
            f"kill -9 -- -{self.pid} 2> /dev/null;"
            f" while kill -0 -- -{self.pid} 2> /dev/null; do sleep 0.1; done",
        )


def pieces(lines: Sequence[str]) -> Iterator[list[str]]:
    """Lines in requests that are no longer than a command may be."""
    piece: list[str] = []
    size = 0
    for line in lines:
        if piece and size + len(line) > REQUEST_BYTES:
            yield piece
            piece, size = [], 0
        piece.append(line)
        size += len(line)
    yield piece


def parse_numbers(output: bytes, names: Sequence[str], *, where: str) -> tuple[dict[str, int], str]:
    """``NAME NUMBER`` lines that must come first, in this order, and the text behind them.

    Raises GuestError when they do not.
    """
    lines = output.decode(errors="replace").splitlines()
    try:
        found = {}
        for name, line in zip(names, lines, strict=False):
            key, _, value = line.partition(" ")
            if key != name:
                raise ValueError(line)
            found[name] = int(value)
        if len(found) < len(names):
            raise ValueError("cut short")
    except ValueError as error:
        raise GuestError(f"not what memload says: {error}", where=where) from error
    return found, "\n".join(lines[len(names) :])


def same(found: object, expected: object, *, what: str, guest: Guest) -> None:
    """Raise ScenarioFailed when the guest's result is not the host's."""
    if found != expected:
        raise ScenarioFailed(
            f"{what}: {str(found)[:200]} instead of {str(expected)[:200]}", where=guest.name
        )
