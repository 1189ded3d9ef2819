# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the lists of source files out of AOSP's Android.bp files.

Only what those lists need is understood: ``filegroup { name: "x", srcs: ["a", ":other"] }``,
with ``//`` comments. The lists stay AOSP's own: nothing here repeats them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.errors import SetupError

_GROUP = re.compile(r'\bfilegroup\s*\{\s*name:\s*"([^"]+)",\s*srcs:\s*\[(.*?)\]', re.DOTALL)
_COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)
_STRING = re.compile(r'"([^"]*)"')


def parse_filegroups(text: str) -> dict[str, tuple[str, ...]]:
    """Name -> entries of each filegroup, references (":name") left as they are."""
    found = {}
    for name, body in _GROUP.findall(_COMMENT.sub("", text)):
        found[name] = tuple(_STRING.findall(body))
    return found


def read_filegroups(files: Iterable[Path]) -> dict[str, tuple[str, ...]]:
    """All filegroups of several files."""
    groups: dict[str, tuple[str, ...]] = {}
    for file in files:
        groups.update(parse_filegroups(file.read_text(encoding="utf-8")))
    return groups


def resolve(groups: Mapping[str, tuple[str, ...]], name: str) -> list[str]:
    """The files of a group, those of the groups it refers to included, each once, in order.

    Raises SetupError when a group is missing: the sources are not those the recipe is for.
    """
    if name not in groups:
        raise SetupError(
            f"AOSP's file group {name!r} is not in the sources",
            hint="the recipe in images/android/recipe.toml names other sources than these",
        )
    files: dict[str, None] = {}
    for entry in groups[name]:
        if entry.startswith(":"):
            files.update(dict.fromkeys(resolve(groups, entry[1:])))
        else:
            files[entry] = None
    return list(files)
