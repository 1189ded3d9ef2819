# SPDX-License-Identifier: GPL-2.0-or-later
"""A table as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Its lines; none without rows."""
    found = list(rows)
    if found:
        yield "| " + " | ".join(head) + " |"
        yield "|" + "---|" * len(head)
        for row in found:
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
