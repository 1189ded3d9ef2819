# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that Xen takes unchanged from Linux: which, and that they are the reviewed ones."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from harness.build.kernel import unpack_source
from harness.build.step import Built, read, run
from harness.errors import HypervisorError
from harness.paths import repo_root
from harness.progress import Step

RECIPE = 1


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One file of the Linux tree, and what it must be."""

    source: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Import(Reviewed):
    """One that is built into Xen, under another name in its tree."""

    to: str


def list_path() -> Path:
    """The file that names them."""
    return repo_root() / "xen-patches" / "lib-import.toml"


def read_imports() -> list[Import]:
    """What is imported. Raises HypervisorError when the list cannot be understood."""
    return [one for one in read_list() if isinstance(one, Import)]


def read_list() -> list[Reviewed]:
    """What is imported, and what only tests use. Raises as read_imports()."""
    path = list_path()
    if not path.exists():
        return []
    try:
        document = tomllib.loads(read(path).decode())
        imports = [Import(item["from"], item["sha256"], item["to"]) for item in document["file"]]
        references = document.get("reference", [])
        return [*imports, *(Reviewed(item["from"], item["sha256"]) for item in references)]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise HypervisorError(f"not a list of imports: {error}", where=str(path)) from error


def import_files(deb: Path, deb_digest: str) -> Built:
    """An object with the files, by their names in the Linux tree.

    Raises HypervisorError when one is not what was reviewed.
    """
    items = read_list()

    def extract(out: Path, progress: Step) -> None:
        progress.note("reading the kernel's source")
        unpack_source(deb, out, tuple(item.source for item in items))
        for item in items:
            check(item, read(out / item.source))

    inputs = {
        "recipe": RECIPE,
        "deb": deb_digest,
        "files": [[item.source, item.sha256] for item in items],
    }
    return run("linux-files", inputs, extract)


def check(item: Reviewed, content: bytes) -> None:
    """Raise HypervisorError when this is not the reviewed file."""
    found = hashlib.sha256(content).hexdigest()
    if found != item.sha256:
        raise HypervisorError(
            f"Linux's {item.source} is not the reviewed one: its sha256 is {found}",
            where=str(list_path()),
            hint="review what changed, then put the new sha256 there",
        )
