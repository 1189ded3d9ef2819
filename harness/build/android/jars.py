# SPDX-License-Identifier: GPL-2.0-or-later
"""Jars as the guest wants them, and the list of classes for its zygote."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

# ART maps a dex file out of its jar when it is stored and aligned; else it makes a private copy.
ALIGNMENT = 4
_LOCAL_HEADER_BYTES = 30
# The header of an extra field: its kind (0: none of the known) and its length.
_EXTRA_HEADER_BYTES = 4


def normalise(jar: Path) -> None:
    """Rewrite a jar: sorted, no times, dex files stored and aligned, everything else deflated."""
    with zipfile.ZipFile(jar) as old:
        contents = {name: old.read(name) for name in sorted(old.namelist())}
    partial = jar.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w") as new:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(name)  # 1 January 1980
            if name.endswith(".dex"):
                entry.extra = _padding(new.start_dir + _LOCAL_HEADER_BYTES + len(name.encode()))
            else:
                entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, content)
    partial.rename(jar)


def _padding(offset: int) -> bytes:
    """An extra field after which ``offset`` is a multiple of ALIGNMENT."""
    fill = -(offset + _EXTRA_HEADER_BYTES) % ALIGNMENT
    return bytes(2) + fill.to_bytes(2, "little") + bytes(fill)


def class_names(jar_or_folder: Path) -> list[str]:
    """Names with dots of the classes in a jar of class files, or in a folder."""
    if jar_or_folder.is_dir():
        files = [p.relative_to(jar_or_folder).as_posix() for p in jar_or_folder.rglob("*.class")]
    else:
        with zipfile.ZipFile(jar_or_folder) as jar:
            files = jar.namelist()
    names = [f.removesuffix(".class").replace("/", ".") for f in files if f.endswith(".class")]
    return sorted(n for n in names if n != "module-info")


def preload_list(patterns: str, classes: Iterable[str]) -> list[str]:
    """Classes that the patterns of preload.txt choose, sorted."""
    chosen: list[re.Pattern[str]] = []
    refused: list[re.Pattern[str]] = []
    for line in patterns.splitlines():
        pattern = line.partition("#")[0].strip()
        if pattern.startswith("!"):
            refused.append(_compile(pattern[1:]))
        elif pattern:
            chosen.append(_compile(pattern))
    return sorted(c for c in classes if _any(chosen, c) and not _any(refused, c))


def _compile(pattern: str) -> re.Pattern[str]:
    if pattern.endswith(".**"):
        return re.compile(re.escape(pattern[:-2]) + r".+")
    if pattern.endswith(".*"):
        return re.compile(re.escape(pattern[:-1]) + r"[^.]+")
    return re.compile(re.escape(pattern) + r"(\$.*)?")


def _any(patterns: Sequence[re.Pattern[str]], name: str) -> bool:
    return any(p.fullmatch(name) for p in patterns)
