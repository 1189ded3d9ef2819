# SPDX-License-Identifier: GPL-2.0-or-later
"""The public header: every field is described, nothing is padded behind one's back, one layout."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.build.step import CROSS_COMPILE
from harness.build.xen import patches_dir
from tests.hypervisor.conftest import public_headers

NAME = "mem_compress.h"
HEADER = patches_dir() / "files/xen/include/public" / NAME
# Bytes, at interface version 1 of both: another size is another version, or padding taken in use.
# Statistics are left out: fields are added at their end, and what pads none is as long for both.
SIZES = {
    "range": 48,
    "gfns": 16,
    "span": 16,
    "query": 48,
    "op": 56,
    "setup": 40,
    "host": 16,
    "class": 32,
    "hist": 24 + 480 * 8,
    "trace": 16,
}
COMPILERS = {
    "arm64": (f"{CROSS_COMPILE}gcc",),
    # Xen's interface has one layout for callers of either width.
    "32-bit": ("gcc", "-m32"),
}
STRICT = ("-ffreestanding", "-Wall", "-Wpadded", "-S", "-o", "-")


@pytest.fixture(scope="module")
def include(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return public_headers(tmp_path_factory.mktemp("include"))


def compiled(include: Path, words: Sequence[str], code: str) -> str:
    """What the compiler has to say."""
    text = f"#include <stdint.h>\n#include <xen/xen.h>\n#include <xen/{NAME}>\n{code}\n"
    done = subprocess.run(
        [*words, *STRICT, "-D__XEN_TOOLS__", f"-I{include}", "-x", "c", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    return done.stderr


@pytest.mark.parametrize("width", COMPILERS)
def test_every_structure_has_one_size_and_no_padding_of_the_compilers(
    include: Path, width: str
) -> None:
    checks = [
        f'_Static_assert(sizeof(struct xen_mem_compress_{name}) == {size}, "{name}");'
        for name, size in SIZES.items()
    ]
    checks.append('_Static_assert(sizeof(struct xen_domctl_mem_compress_op) <= 128, "");')
    said = compiled(include, COMPILERS[width], "\n".join(checks))
    assert not [line for line in said.splitlines() if NAME in line]


def structures() -> dict[str, list[str]]:
    """Paragraphs of each structure's body, by its name: lines between empty ones."""
    text = HEADER.read_text()
    found = re.findall(r"^struct (\w+) \{\n(.*?)^\};", text, re.MULTILINE | re.DOTALL)
    return {name: re.split(r"\n\s*\n", body) for name, body in found}


def fields(paragraph: str) -> list[tuple[str, bool]]:
    """Names of fields, and whether a comment in the paragraph stands before or behind each."""
    found: list[tuple[str, bool]] = []
    described = False
    for statement in re.split(r"(/\*.*?\*/)", paragraph, flags=re.DOTALL):
        if statement.startswith("/*"):
            described = True
            # Behind a field, on its line.
            if found and not found[-1][1]:
                found[-1] = (found[-1][0], True)
            continue
        for name in re.findall(r"\b(\w+)(?:\[\w+\])?;", statement):
            found.append((name, described))
    return found


def test_every_field_is_described() -> None:
    found = structures()
    assert {f"xen_mem_compress_{name}" for name in SIZES} <= found.keys()
    bare = [
        f"{struct}.{name}"
        for struct, paragraphs in found.items()
        for paragraph in paragraphs
        for name, described in fields(paragraph)
        if not described and not name.startswith("pad")
    ]
    assert bare == []


def test_every_operation_and_number_is_described() -> None:
    """A macro has words of its own, or belongs to a list that has."""
    text = HEADER.read_text()
    bare = []
    for paragraph in re.split(r"\n\s*\n", text):
        if "/*" not in paragraph:
            bare += re.findall(r"^#define (XEN\w+)", paragraph, re.MULTILINE)
    assert bare == []
