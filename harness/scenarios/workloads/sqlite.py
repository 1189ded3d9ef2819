# SPDX-License-Identifier: GPL-2.0-or-later
"""A database in memory, by SQLite: the host runs the same statements, and must see the same."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.report.run import Scalar
from harness.scenarios.bed import Guest
from harness.scenarios.workloads.base import Result, Setup, stopped_on_error
from harness.scenarios.workloads.programs import Conversation, needs_disk, pieces, same

# A row with its entry in the index.
ROW_BYTES = 360
STATEMENTS = 60
ROWS = "SELECT id, k, body FROM t ORDER BY id"


def create(seed: int, rows: int) -> list[str]:
    """Statements that make the table; its text is made of words and numbers, as records are."""
    order = "order %d of %d: %d pieces of article %x for city%d, status %s, ref %x-%x; "
    numbers = ", ".join(
        f"({i}) * 48271 % 65537, ({i}) * 69621 % 9973, ({i}) % 7, ({i}) * 2654435761,"
        f" ({i}) * 31 % 977, substr('open  closeddenied', 1 + ({i}) % 3 * 6, 6),"
        f" ({i}) * ({i}), ({i}) * 40503 % 1000003"
        for i in ("i", "i + 1009", "i * 3")
    )
    body = f"printf('name=user%d; {order * 3}', i, {numbers})"
    return [
        "CREATE TABLE t(id INTEGER PRIMARY KEY, k INTEGER, body TEXT);",
        "CREATE INDEX tk ON t(k);",
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
        f" INSERT INTO t SELECT i, (i * 48271 + {seed}) % 1000003, {body} FROM n;",
    ]


def work(seed: int, rows: int, statements: int) -> list[str]:
    """Statements that change rows here and there, and look for others by the index."""
    lines = []
    for n in range(statements):
        x = (seed * 69069 + n * 40503) % 1000003
        first = x * 37 % rows
        if n % 3 == 0:
            lines.append(
                f"UPDATE t SET k = (k * 31 + {x}) % 1000003,"
                f" body = substr(body, 2) || substr(body, 1, 1)"
                f" WHERE id BETWEEN {first} AND {first + 100};"
            )
        else:
            lines.append(
                "SELECT count(*), sum(k), sum(length(body)) FROM t"
                f" WHERE k BETWEEN {x} AND {x + 5000};"
            )
    return lines


class Sqlite:
    """Debian's sqlite3."""

    name = "sqlite"

    def settings(self, guest: str) -> Mapping[str, Scalar]:
        return needs_disk(guest)

    def start(self, guest: Guest, setup: Setup, *, prefix: Sequence[str] = ()) -> RunningSqlite:
        words = ["/usr/bin/sqlite3", "-batch", "-bail", ":memory:"]
        shell = Conversation.start(guest, self.name, words, prefix=prefix)
        rows = setup.mib * (1 << 20) // ROW_BYTES
        twin = sqlite3.connect(":memory:")
        statements = max(1, int(STATEMENTS * setup.work))
        running = RunningSqlite(shell, twin, setup.seed, rows, statements)
        with stopped_on_error(running):
            running.carry_out(create(setup.seed, rows))
        return running


@dataclass(slots=True)
class RunningSqlite:
    """A shell with its database in the guest, and the same database here."""

    shell: Conversation
    twin: sqlite3.Connection
    seed: int
    rows: int
    statements: int

    @property
    def name(self) -> str:
        return self.shell.name

    def carry_out(self, lines: Sequence[str]) -> Result:
        """The same statements here and there, with the same answers."""
        ticks = ticks_hz = 0
        for piece in pieces(lines):
            answer = self.shell.ask(*piece, ".print .")
            expected = "\n".join(line for one in piece for line in self._here(one))
            same(answer.text, expected, what="sqlite, what was found", guest=self.shell.guest)
            ticks, ticks_hz = ticks + answer.ticks, answer.ticks_hz
        return Result(len(lines), "statements", ticks, ticks_hz)

    def _here(self, statement: str) -> Iterable[str]:
        for row in self.twin.execute(statement):
            yield "|".join("" if cell is None else str(cell) for cell in row)

    def work(self) -> Result:
        return self.carry_out(work(self.seed, self.rows, self.statements))

    def verify(self) -> int:
        lines = ["PRAGMA integrity_check;", f"SELECT hex(sha3_query('{ROWS}', 256));", ".print ."]
        found = self.shell.ask(*lines).text
        expected = f"ok\n{digest_of_rows(ROWS, self.twin.execute(ROWS))}"
        same(found, expected, what="sqlite, digest of all rows", guest=self.shell.guest)
        return self.rows

    def stop(self) -> None:
        self.twin.close()
        self.shell.stop()


def digest_of_rows(query: str, rows: Iterable[Sequence[int | str]]) -> str:
    """What the sqlite3 shell's ``sha3_query`` computes (ext/misc/shathree.c), in hexadecimal."""
    sha3 = hashlib.sha3_256(f"S{len(query)}:{query}".encode())
    for row in rows:
        sha3.update(b"R")
        for cell in row:
            if isinstance(cell, int):
                sha3.update(b"I" + cell.to_bytes(8, "big", signed=True))
            else:
                text = cell.encode()
                sha3.update(f"T{len(text)}:".encode() + text)
    return sha3.hexdigest().upper()
