# SPDX-License-Identifier: GPL-2.0-or-later
"""Xen's CODING_STYLE, as far as a look at lines can tell.

4 spaces and no tabs, under 80 columns, ``if ( cond )``, braces on lines of their own, ``/* */``.
What needs a parser (indentation of continuations, declarations) is left to reviewers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

# What a user sees is not split, so that it can be searched for.
MESSAGE = re.compile(r'^\s*"(?:[^"]|"\s*[A-Z]\w*\s*")*"[,;)]*$')
COLUMNS = 79
KEYWORD = re.compile(r"\b(if|for|while|switch)\b(?P<gap>\s*)\((?P<inside>.?)")
BLOCK = re.compile(r"^\s*(\}\s*)?(else\b.*|(if|for|while|switch) \(.*\)\s*)\{$")
CLOSE_ELSE = re.compile(r"^\s*\}\s*else\b")
FUNCTION = re.compile(r"^[A-Za-z_].*\)\s*\{$")
STRING = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])+\'')


def problems(path: Path) -> Iterator[tuple[int, str]]:
    """Line number, counted from one, and what is wrong there."""
    text = path.read_text("utf-8")
    if not text.startswith("/* SPDX-License-Identifier: "):
        yield 1, "the first line is not /* SPDX-License-Identifier: ... */"
    if not text.endswith("\n"):
        yield text.count("\n") + 1, "no newline at the end"
    yield from problems_of_lines(text)


def problems_of_lines(text: str) -> Iterator[tuple[int, str]]:
    """The same for a text that begins and ends as somebody else wanted it."""
    code = without_comments(text).split("\n")
    for number, (line, bare) in enumerate(zip(text.split("\n"), code, strict=True), start=1):
        if "\t" in line:
            yield number, "tab"
        if line != line.rstrip():
            yield number, "space at the end of the line"
        if len(line) > COLUMNS and not MESSAGE.match(line):
            yield number, f"{len(line)} columns, at most {COLUMNS}"
        yield from ((number, problem) for problem in _of_code(bare.rstrip(" \\")))


def _of_code(line: str) -> Iterator[str]:
    if "//" in line:
        yield "comments are /* */"
    if line.startswith("#"):
        return
    for found in KEYWORD.finditer(line):
        # `do { } while (0)` is how Xen itself writes macros.
        if line[found.start() :].replace(" ", "").startswith("while(0)"):
            continue
        rest = line[found.end() - len(found["inside"]) :]
        opened = found["gap"] == " " and found["inside"] in (" ", "")
        if not (opened and _closed_with_space(rest)):
            yield f"{found[1]} ( condition ) has spaces on both sides of the parentheses"
    if BLOCK.match(line) or CLOSE_ELSE.match(line) or FUNCTION.match(line):
        yield "a brace has a line of its own"


def _closed_with_space(rest: str) -> bool:
    """Whether the parenthesis that was opened before ``rest`` is closed after a space."""
    depth = 1
    for at, character in enumerate(rest):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if not depth:
            return at == 0 or rest[at - 1] in " ;"
    return True  # on a later line


def without_comments(text: str) -> str:
    """The text with the insides of comments and strings blanked, lines kept."""

    def blank(found: re.Match[str]) -> str:
        if found[0].startswith("/*"):
            return re.sub(r"[^\n]", " ", found[0])
        return found[0][0] + "_" * (len(found[0]) - 2) + found[0][-1]

    return re.sub(rf"/\*.*?\*/|{STRING.pattern}", blank, text, flags=re.DOTALL)
