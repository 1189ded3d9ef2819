# SPDX-License-Identifier: GPL-2.0-or-later
"""A build step: inputs make a digest, the digest names an object in the cache.

    built = run("driver", {"recipe": 1, "source": folder, "kernel": kernel.digest}, make)

A step whose object is there and whole is not run. Everything that can change what comes out
belongs into the inputs, also the way it is made: ``recipe`` is raised with every such change.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.errors import HarnessError, SetupError
from harness.paths import cache_dir
from harness.progress import Step, step
from harness.sources.cache import digest_of, obtain

CROSS_COMPILE = "aarch64-linux-gnu-"
CONTEXT_LINES = 30


@dataclass(frozen=True, slots=True)
class Built:
    """An object in the cache: a folder, and the digest of what it was made from."""

    name: str
    path: Path
    digest: str


def run(name: str, inputs: Mapping[str, object], make: Callable[[Path, Step], None]) -> Built:
    """The object of these inputs, made by ``make(folder, progress)`` unless it is there.

    inputs: a Path stands for the content of a file or a tree, anything else for its JSON
    Raises what ``make`` raises; nothing of a failed step stays in the cache.
    """
    digest = digest_of(inputs)
    with step(f"build: {name}") as progress:
        path, was_there = obtain(name, digest, lambda folder: make(folder, progress))
        if was_there:
            progress.cached()
    return Built(name, path, digest)


def command(
    argv: Sequence[str | Path],
    *,
    what: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    error: type[HarnessError] = SetupError,
    timeout_s: float = 3600,
) -> None:
    """Run a program; its output goes to a log, whose end is shown when it fails.

    what:  names the log and the error
    error: what kind of failure it is, when the program is there and fails
    """
    log = cache_dir() / "logs" / f"{what.replace(' ', '-').replace(':', '')}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [str(word) for word in argv]
    with log.open("wb") as output:
        try:
            done = subprocess.run(
                words,
                cwd=cwd,
                env=environment(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=timeout_s,
                check=False,
            )
        except FileNotFoundError as missing:
            raise SetupError(f"no {words[0]} here", where=what, hint="harness doctor") from missing
        except subprocess.TimeoutExpired as late:
            raise error(f"{what} took more than {timeout_s:.0f} s", where=str(log)) from late
    if done.returncode != 0:
        lines = log.read_text("utf-8", "replace").splitlines()
        raise error(
            f"{what} failed with status {done.returncode}",
            where=str(log),
            context=lines[-CONTEXT_LINES:],
        )


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Of compilers: nothing in it that makes two builds differ or that steers make."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC", "SOURCE_DATE_EPOCH": "0", **(extra or {})}


def make(folder: Path, *arguments: str, cross: str = CROSS_COMPILE) -> list[str | Path]:
    """Command line of make, nice: the machine has other work.

    cross: prefix of the compiler's name
    """
    jobs = len(os.sched_getaffinity(0))
    return ["nice", "make", "-C", folder, f"-j{jobs}", f"CROSS_COMPILE={cross}", *arguments]


@cache
def compiler(program: str = CROSS_COMPILE + "gcc") -> str:
    """Which compiler this is. Raises SetupError when there is none."""
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=True, timeout=60
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(f"no {program} here", hint="harness doctor") from error
    return done.stdout.splitlines()[0]


def read(path: Path) -> bytes:
    """Content of a file of the checkout. Raises SetupError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise SetupError(f"cannot be read: {error.strerror}", where=str(path)) from error
