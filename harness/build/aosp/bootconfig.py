# SPDX-License-Identifier: GPL-2.0-or-later
"""Bootconfig: parameters behind the ramdisk, and what becomes of them without CONFIG_BOOT_CONFIG.

Syntax and trailer: Documentation/admin-guide/bootconfig.rst of Linux. Of the syntax everything is
read that a build or a boot loader of Android writes: keys with dots, blocks in braces, lists,
quotes, comments, and the operators =, += and :=.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.build.aosp.source import damaged
from harness.errors import UsageError

MAGIC = b"#BOOTCONFIG\n"
# XBC_DATA_MAX
LARGEST = 32 * 1024 - 1
DEEPEST = 16  # XBC_DEPTH_MAX
_SPACE = re.compile(r"(?:[ \t]|#[^\n]*)*")
_KEY = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_OPERATOR = re.compile(r"\+=|:=|=")
_QUOTED = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_BARE = re.compile(r"[^,;\n#}]*")
# Where the value is may be lines further, as Linux has it.
_BEFORE_VALUE = re.compile(r"(?:\s|#[^\n]*)*")
_END = re.compile(r"[ \t\r]*(?=[;\n#},\0]|$)")


def parse(text: str, *, name: str) -> dict[str, str]:
    """Values by whole key; a list as its members with commas between. Raises UsageError."""
    if len(text.encode()) > LARGEST:
        raise UsageError(f"a bootconfig of more than {LARGEST} bytes", where=name)
    return _Parser(text, name).run()


def render(values: Mapping[str, str]) -> str:
    """A line for each value."""
    return "".join(f"{key} = {_quoted(value)}\n" for key, value in values.items())


def append(ramdisk: bytes, values: Mapping[str, str]) -> bytes:
    """A ramdisk with these parameters behind it, as a boot loader puts them."""
    text = render(values).encode()
    if len(text) > LARGEST:
        raise UsageError(f"a bootconfig of {len(text)} bytes, more than {LARGEST}")
    padded = text + bytes(-(len(ramdisk) + len(text)) % 4)
    size, checksum = len(padded), sum(padded) & 0xFFFFFFFF
    return ramdisk + padded + size.to_bytes(4, "little") + checksum.to_bytes(4, "little") + MAGIC


def _quoted(value: str) -> str:
    if '"' in value and "'" in value:
        raise UsageError(f"no bootconfig can hold a value with both quotes: {value}")
    quote = "'" if '"' in value else '"'
    return f"{quote}{value}{quote}"


class _Parser:
    """One pass from the front to the end; every step moves on."""

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._name = name
        self._at = 0
        self._found: dict[str, str] = {}

    def run(self) -> dict[str, str]:
        blocks: list[str] = []
        while self._between():
            if self._take("}"):
                if not blocks:
                    raise self._wrong("a } without a {")
                blocks.pop()
                continue
            key = self._match(_KEY)
            if key is None:
                raise self._wrong("a key is expected")
            self._skip()
            whole = ".".join([*blocks, key[0]])
            if self._take("{"):
                blocks.append(key[0])
                if len(blocks) > DEEPEST:
                    raise self._wrong(f"blocks deeper than {DEEPEST}")
                continue
            operator = self._match(_OPERATOR)
            value = self._values() if operator else ""
            if self._match(_END) is None:
                raise self._wrong("the end of the line is expected")
            self._put(whole, operator[0] if operator else "", value)
        if blocks:
            raise self._wrong("a { without a }")
        return self._found

    def _put(self, key: str, operator: str, value: str) -> None:
        if operator == "+=" and key in self._found:
            self._found[key] += "," + value
        elif operator == "=" and key in self._found:
            raise self._wrong(f"{key} has a value already; := gives it another")
        else:
            self._found[key] = value

    def _values(self) -> str:
        found = [self._value()]
        self._skip()
        while self._take(","):
            found.append(self._value())
            self._skip()
        return ",".join(found)

    def _value(self) -> str:
        self._match(_BEFORE_VALUE)
        quoted = self._match(_QUOTED)
        if quoted is not None:
            return quoted[1] if quoted[1] is not None else quoted[2]
        bare = self._match(_BARE)
        assert bare is not None  # it matches nothing as well
        return bare[0].strip()

    def _between(self) -> bool:
        """Pass over what separates statements; whether there is one more."""
        self._lines()
        return self._at < len(self._text)

    def _lines(self) -> None:
        while True:
            self._skip()
            if not (self._take("\n") or self._take(";") or self._take("\0") or self._take("\r")):
                return

    def _skip(self) -> None:
        self._match(_SPACE)

    def _take(self, character: str) -> bool:
        if self._text.startswith(character, self._at):
            self._at += 1
            return True
        return False

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return match

    def _wrong(self, what: str) -> UsageError:
        line = self._text.count("\n", 0, self._at) + 1
        return damaged(f"damaged bootconfig, line {line}: {what}", where=self._name)
