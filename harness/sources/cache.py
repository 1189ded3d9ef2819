# SPDX-License-Identifier: GPL-2.0-or-later
"""What has been made is kept under the hash of what it was made from.

    <cache_dir>/objects/<step>-<digest>/     outputs, and COMPLETE: sha256 of each (sha256sum -c)
    <cache_dir>/tmp/                         being made; renamed into objects/ when complete
    <cache_dir>/locks/                       one flock per object: processes wait for one another

COMPLETE is written last and checked once in each process that uses the object, so a truncated or
changed output is made again and never handed out. Nothing under tmp/ is ever trusted.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from harness.errors import HarnessError, SetupError
from harness.paths import cache_dir

MANIFEST = "COMPLETE"
# A tool that ran out of space says so in its own words: this little left after a failure is why.
NO_SPACE_BYTES = 16 << 20

_verified: set[Path] = set()


def obtain(step: str, digest: str, make: Callable[[Path], None]) -> tuple[Path, bool]:
    """The directory of outputs of ``step`` for the inputs hashed to ``digest``.

    make: fills an empty directory; called only when there is no good object
    Returns the directory and whether it had been there. Raises what ``make`` raises, and
    SetupError when the disk is full.
    """
    path = object_path(step, digest)
    if path in _verified and (path / MANIFEST).exists():
        return path, True
    with no_space_is_setup_error(), locked(path.name):
        if find(step, digest) is not None:
            return path, True
        discard(path)
        temporary = _temporary_for(path.name)
        try:
            make(temporary)
            write_manifest(temporary)
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.rename(path)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        _verified.add(path)
        return path, False


def find(step: str, digest: str) -> Path | None:
    """The object's directory if it is there and every output is what it was."""
    path = object_path(step, digest)
    if not (path / MANIFEST).exists():
        return None
    if path not in _verified:
        if damage(path):
            return None
        # That it is used is what keeps it (harness.sources.keeping).
        with contextlib.suppress(OSError):
            os.utime(path / MANIFEST)
        _verified.add(path)
    return path


def object_path(step: str, digest: str) -> Path:
    """Where the object is, or would be."""
    return cache_dir() / "objects" / f"{step}-{digest}"


def forget_verified() -> None:
    """Check every object again before its next use."""
    _verified.clear()


def write_manifest(directory: Path) -> None:
    """Write COMPLETE: a line of sha256sum for each file, a comment for each symbolic link."""
    lines = []
    for path in _outputs(directory):
        name = path.relative_to(directory).as_posix()
        if path.is_symlink():
            lines.append(f"# {name} -> {os.readlink(path)}")
        else:
            lines.append(f"{sha256_of(path)}  {name}")
    manifest = directory / MANIFEST
    partial = directory / (MANIFEST + ".partial")
    with partial.open("w") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        os.fsync(file.fileno())
    partial.rename(manifest)


def damage(directory: Path) -> str:
    """What of an object is not as COMPLETE says; empty when all is."""
    try:
        lines = (directory / MANIFEST).read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return f"{MANIFEST}: {error}"
    expected = set()
    for line in filter(None, lines):
        if line.startswith("# "):
            name, _, target = line[2:].partition(" -> ")
            path = directory / name
            good = path.is_symlink() and os.readlink(path) == target
        else:
            digest, _, name = line.partition("  ")
            path = directory / name
            good = path.is_file() and not path.is_symlink() and sha256_of(path) == digest
        expected.add(name)
        if not good:
            return f"{name} is missing or changed"
    if not expected:
        return f"{MANIFEST} is empty"
    return ""


def digest_of(inputs: Mapping[str, object]) -> str:
    """Hash of named inputs; 16 hex digits.

    A Path stands for the content of a file, or of a tree with its names, modes and links; any
    other value for its JSON.
    """
    whole = hashlib.sha256()
    for name in sorted(inputs):
        value = inputs[name]
        text = hash_tree(value) if isinstance(value, Path) else json.dumps(value, sort_keys=True)
        whole.update(f"{name}\0{text}\0".encode())
    return whole.hexdigest()[:16]


def hash_tree(root: Path) -> str:
    """Hash of a file's content, or of a tree: names, executable bits, links and contents."""
    if root.is_file():
        return sha256_of(root)
    if not root.is_dir():
        raise SetupError("an input of the build is missing", where=str(root))
    whole = hashlib.sha256()
    for path in _outputs(root):
        name = path.relative_to(root).as_posix()
        if "__pycache__" in name:
            continue
        if path.is_symlink():
            whole.update(f"{name}\0->{os.readlink(path)}\0".encode())
        else:
            executable = bool(path.stat().st_mode & 0o100)
            whole.update(f"{name}\0{executable}\0{sha256_of(path)}\0".encode())
    return whole.hexdigest()


def sha256_of(path: Path) -> str:
    """sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def no_space_is_setup_error() -> Iterator[None]:
    """Turn whatever a full disk, or one that may not be written, causes into one SetupError."""
    try:
        yield
    except HarnessError as error:
        # A tool that ran out of space fails in its own words.
        if _free_bytes() < NO_SPACE_BYTES:
            raise _no_space() from error
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT) or _free_bytes() < NO_SPACE_BYTES:
            raise _no_space() from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR):
            raise SetupError(
                f"the cache may not be written: {error.strerror}",
                where=str(error.filename or cache_dir()),
                hint="mend its permissions, or set XMC_CACHE_DIR to another directory",
            ) from error
        raise


def _no_space() -> SetupError:
    return SetupError(
        "no space left on the disk of the cache",
        where=str(cache_dir()),
        hint="make room there, or set XMC_CACHE_DIR to a directory on another disk",
    )


def _free_bytes() -> int:
    try:
        return shutil.disk_usage(cache_dir()).free
    except OSError:
        return NO_SPACE_BYTES


def _outputs(directory: Path) -> list[Path]:
    """Every file and link below, in one order everywhere; not the manifest."""
    found = []
    for base, directories, files in os.walk(directory):
        here = Path(base)
        found += [here / name for name in files]
        found += [here / name for name in directories if (here / name).is_symlink()]
    manifests = {directory / MANIFEST, directory / (MANIFEST + ".partial")}
    return sorted(path for path in found if path not in manifests)


def _temporary_for(name: str) -> Path:
    """An empty directory; what a killed process left behind for the same object is removed."""
    base = cache_dir() / "tmp"
    base.mkdir(parents=True, exist_ok=True)
    for old in base.glob(f"{name}.*"):
        shutil.rmtree(old, ignore_errors=True)
    temporary = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=base))
    temporary.chmod(0o755)
    return temporary


def discard(path: Path) -> None:
    """Take a bad object away: first out of its place, at once, then its files."""
    if path.exists():
        away = cache_dir() / "tmp"
        away.mkdir(parents=True, exist_ok=True)
        trash = Path(tempfile.mkdtemp(prefix="bad.", dir=away))
        path.rename(trash / "object")
        shutil.rmtree(trash, ignore_errors=True)


_thread_locks: dict[str, threading.RLock] = {}


@contextmanager
def locked(name: str) -> Iterator[None]:
    """One maker at a time, among threads and processes."""
    with _thread_locks.setdefault(name, threading.RLock()):
        directory = cache_dir() / "locks"
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / name).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
