# SPDX-License-Identifier: GPL-2.0-or-later
"""Xen's style in what patches add to Xen's own files; that of our files is for the linter."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from harness.lint.xen_style import problems_of_lines

CHECKED = (".c", ".h")


def problems(before: Mapping[str, bytes], after: Mapping[str, bytes | None]) -> Iterator[str]:
    """What is wrong with lines that were added to files that were there before.

    before, after: contents by name, None for a file that is gone
    """
    for name in sorted(before.keys() & after.keys()):
        content = after[name]
        if content is None or not name.endswith(CHECKED):
            continue
        text = content.decode("utf-8", "replace")
        added = added_lines(before[name].decode("utf-8", "replace"), text)
        for line, problem in problems_of_lines(text):
            if line in added:
                yield f"{name}:{line}: {problem}"


def added_lines(before: str, after: str) -> set[int]:
    """Numbers, from one, of the lines of ``after`` that are not in ``before``."""
    matcher = difflib.SequenceMatcher(None, before.split("\n"), after.split("\n"), autojunk=False)
    return {
        line + 1
        for tag, _, _, first, last in matcher.get_opcodes()
        if tag != "equal"
        for line in range(first, last)
    }
