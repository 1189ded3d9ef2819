# SPDX-License-Identifier: GPL-2.0-or-later
"""The controller's store, codec and ages, compiled for this machine.

What they claim is written in C, next to what it is about (test_*.c); here it is run, under the
sanitizers, and measured.
"""

from __future__ import annotations

import json
import re
import struct
import subprocess
from collections.abc import Iterator

import lzo
import pytest

from tests.hypervisor.conftest import Variant, Workshop

PAGE_BYTES = 4096
CLAIMS = ("test_age", "test_codec", "test_store", "test_damage")
OBJECTS = 2000


@pytest.mark.parametrize("program", CLAIMS)
def test_claims_hold_under_the_sanitizers(workshop: Workshop, program: str) -> None:
    said = workshop.programs(Variant.ASAN).run(program)
    assert said.count(b"ok ") >= 5


@pytest.mark.parametrize("seed", range(1, 9))
def test_store_agrees_with_a_model_on_a_random_walk(workshop: Workshop, seed: int) -> None:
    said = workshop.programs(Variant.ASAN).run("walk_store", str(seed), "60000")
    print(said.decode())


def test_pinned_objects_are_read_without_a_lock(workshop: Workshop) -> None:
    said = workshop.programs(Variant.TSAN).run("pin_store")
    print(said.decode())


def test_useful_bytes_fill_the_pages_of_the_store(workshop: Workshop) -> None:
    said = workshop.programs(Variant.FAST).run("density").decode()
    print(said)
    density = {found["situation"]: found["density"] for found in map(json.loads, said.splitlines())}
    assert density["filled-10k"] >= 0.95
    assert density["filled-100k"] >= 0.96
    assert density["replaced-compacted"] >= 0.95
    assert density["halved-compacted"] >= 0.94
    assert density["tenth-compacted"] >= 0.90
    # Small stores pay for many classes; still far from a page an object.
    assert density["filled-1k"] >= 0.90


def test_liblzo2_decodes_what_the_controller_stores(workshop: Workshop) -> None:
    stream = workshop.programs(Variant.FAST).run("lzo_objects", "emit", "7", str(OBJECTS))
    seen = 0
    for page, stored in objects(stream):
        assert lzo.decompress(stored, False, PAGE_BYTES) == page
        seen += 1
    assert seen == OBJECTS


def test_the_controller_decodes_what_liblzo2_makes(workshop: Workshop) -> None:
    programs = workshop.programs(Variant.ASAN)
    stream = programs.run("lzo_objects", "emit", "8", str(OBJECTS))
    pages = [page for page, _ in objects(stream)]
    # LZO1X-999, which uses every kind of match there is, and LZO1X-1.
    foreign = [lzo.compress(page, 9 if n % 2 else 1, False) for n, page in enumerate(pages)]
    given = b"".join(struct.pack("=I", len(one)) + one for one in foreign)
    assert programs.run("lzo_objects", "decode", given=given) == b"".join(pages)


@pytest.mark.parametrize("name", ["store", "codec", "age"])
def test_nine_lines_in_ten_are_run(workshop: Workshop, name: str) -> None:
    programs = workshop.programs(Variant.COVERAGE)
    for program in (*CLAIMS, "walk_store", "pin_store"):
        programs.run(program)
    done = subprocess.run(
        ["gcov", "-n", "-o", ".", f"{name}.o"],
        cwd=programs.folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found = re.search(rf"/{name}\.c'\nLines executed:([\d.]+)% of (\d+)", done.stdout)
    assert found, done.stdout
    print(f"{name}.c: {found[1]} % of {found[2]} lines")
    assert float(found[1]) >= 90


def objects(stream: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Pages and objects, as lzo_objects writes them."""
    at = 0
    while at < len(stream):
        page = stream[at : at + PAGE_BYTES]
        (size,) = struct.unpack_from("=I", stream, at + PAGE_BYTES)
        at += PAGE_BYTES + 4
        yield page, stream[at : at + size]
        at += size
