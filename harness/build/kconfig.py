# SPDX-License-Identifier: GPL-2.0-or-later
"""Fragments of Kconfig options, and whether what was wanted is what came out.

Kconfig drops an option whose dependencies are not met without a word; here that is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from harness.build.step import read
from harness.errors import HarnessError, SetupError

_SET = re.compile(r"(CONFIG_\w+)=(.*)")
_UNSET = re.compile(r"# (CONFIG_\w+) is not set")
OFF = "n"


def parse(text: str) -> dict[str, str]:
    """Options of a .config or a fragment; one that is not set has the value ``n``."""
    options: dict[str, str] = {}
    for line in text.splitlines():
        if match := _SET.fullmatch(line.strip()):
            options[match[1]] = match[2]
        elif match := _UNSET.fullmatch(line.strip()):
            options[match[1]] = OFF
    return options


def load(path: Path) -> dict[str, str]:
    """Options of a file."""
    return parse(read(path).decode("utf-8", "replace"))


def render(options: Mapping[str, str]) -> str:
    """A fragment with these options."""
    return "".join(
        f"# {name} is not set\n" if value == OFF else f"{name}={value}\n"
        for name, value in options.items()
    )


def check(
    wanted: Mapping[str, str],
    result: Path,
    *,
    what: str,
    error: type[HarnessError] = SetupError,
) -> None:
    """Raise when an option did not survive.

    wanted: what the fragments say
    result: the .config that came out
    """
    found = load(result)
    lost = [
        f"{name}: wanted {value}, is {found.get(name, OFF)}"
        for name, value in sorted(wanted.items())
        if found.get(name, OFF) != value
    ]
    if lost:
        raise error(
            f"{len(lost)} options of the {what} did not survive",
            where=str(result),
            hint="an option needs what it depends on in the fragment, too",
            context=lost,
        )
