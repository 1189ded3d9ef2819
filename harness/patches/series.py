# SPDX-License-Identifier: GPL-2.0-or-later
"""What is in xen-patches/, and in which order it is mailed.

A build lays ``files/`` and the imports over Xen's tree and then applies the patches. A reader of
mail needs it in pieces that can be judged one by one: ``export.toml`` says which new files go
together, under which subject, and before which patch.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.build.linux_files import read_imports
from harness.build.patches import read_series
from harness.build.step import read
from harness.build.xen import patches_dir
from harness.errors import HypervisorError

EXPORT = "export.toml"
CHANGED = re.compile(r"^[+-](?!\+\+ |-- )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch of the series."""

    path: Path
    subject: str
    body: str
    """What its mail says below the subject; empty for none."""
    changed_lines: int

    @property
    def name(self) -> str:
        """Of the file."""
        return self.path.name


@dataclass(frozen=True, slots=True)
class NewFiles:
    """Files that are mailed together."""

    subject: str
    body: str
    before: str
    """Name of the patch that it comes before."""
    paths: tuple[str, ...]
    """In Xen's tree; one that ends in / stands for all below it."""

    def has(self, name: str) -> bool:
        """Whether a file of Xen's tree belongs to it."""
        return any(
            name == path or (path[-1] == "/" and name.startswith(path)) for path in self.paths
        )


@dataclass(frozen=True, slots=True)
class Series:
    """All of xen-patches/.

    files:   new files by their name in Xen's tree, without the imports
    imports: name in Linux's tree by the name in Xen's
    """

    title: str
    letter: str
    patches: tuple[Patch, ...]
    groups: tuple[NewFiles, ...]
    files: Mapping[str, Path]
    imports: Mapping[str, str]


def load() -> Series:
    """Read all of it. Raises HypervisorError naming the file that cannot be understood."""
    ours = patches_dir()
    files = {
        path.relative_to(ours / "files").as_posix(): path
        for path in sorted((ours / "files").rglob("*"))
        if path.is_file()
    }
    title, letter, groups = _read_export(ours / EXPORT)
    return Series(
        title=title,
        letter=letter,
        patches=tuple(read_patch(path) for path in read_series(ours / "patches")),
        groups=groups,
        files=files,
        imports={item.to: item.source for item in read_imports()},
    )


def read_patch(path: Path) -> Patch:
    """Subject, body and size of a patch, as git format-patch writes them."""
    text = path.read_text("utf-8", "replace")
    head, _, diff = text.partition("\ndiff --git ")
    message = re.split(r"^---$", head, maxsplit=1, flags=re.MULTILINE)[0]
    found = re.search(r"^Subject: (?:\[[^\]]*\] *)?(.*(?:\n[ \t].*)*)", message, re.MULTILINE)
    subject = " ".join(found[1].split()) if found else ""
    # Headers end at the first empty line.
    body = message.partition("\n\n")[2].strip()
    return Patch(path, subject, body, len(CHANGED.findall(diff)))


def _read_export(path: Path) -> tuple[str, str, tuple[NewFiles, ...]]:
    try:
        document = tomllib.loads(read(path).decode())
        groups = tuple(
            NewFiles(one["subject"], one["body"].strip(), one["before"], tuple(one["files"]))
            for one in document["new"]
        )
        return document["title"], document["letter"].strip(), groups
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HypervisorError(f"not TOML: {error}", where=str(path)) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise HypervisorError(f"lacks, or has a wrong kind of, {error}", where=str(path)) from error
