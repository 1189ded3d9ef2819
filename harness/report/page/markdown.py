# SPDX-License-Identifier: GPL-2.0-or-later
"""A table of results, and what it looks like as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

NUMBER = re.compile(r"[-+]?\d[\d,.]*( ?[%a-zA-Z]+)?")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text below a head; without rows it is shown nowhere.

    note: a paragraph that must be read with it
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    @property
    def numeric(self) -> list[bool]:
        """Which columns hold numbers, and go to the right."""
        return [
            any(NUMBER.fullmatch(cell) for cell in column)
            for column in zip(*self.rows, strict=True)
        ]

    def lines(self) -> Iterator[str]:
        """As Markdown, without the title."""
        if not self.rows:
            return
        if self.note:
            yield self.note
            yield ""
        yield "| " + " | ".join(self.head) + " |"
        yield "|" + "---|" * len(self.head)
        for row in self.rows:
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
