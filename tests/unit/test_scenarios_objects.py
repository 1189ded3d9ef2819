# SPDX-License-Identifier: GPL-2.0-or-later
"""Stored objects are judged by liblzo2 or liblz4 and by what the page must hold."""

from __future__ import annotations

from pathlib import Path

import lz4.block
import lzo
import numpy as np
import pytest

from harness.errors import ScenarioFailed
from harness.scenarios.content import ContentClass, Corpus
from harness.scenarios.load import Load
from harness.scenarios.objects import check_objects, decode
from tests.unit.simulated_bed import SimGuest


@pytest.fixture
def load(tmp_path: Path) -> Load:
    for name in ("text", "code", "pointer"):
        (tmp_path / name).write_bytes(b"all work and no play " * 500)
    corpus = Corpus.load(tmp_path)
    load = Load.start(
        SimGuest(corpus), name="x", content=ContentClass.TEXT, seed=1, pages=300, corpus=corpus
    )
    load.fill(1)
    load.compress()
    return load


@pytest.mark.parametrize("codec", ["lzo", "lz4"])
def test_a_sample_of_objects_is_checked(load: Load, codec: str) -> None:
    assert isinstance(load.guest, SimGuest)
    load.guest.codec = codec
    assert check_objects(load, seed=1, share=0.1, at_least=1) == 30
    assert check_objects(load, seed=1, share=0.001, at_least=16) == 16
    assert np.count_nonzero(load.states() == 5) == 300


def test_the_object_of_another_page_is_caught(load: Load) -> None:
    assert isinstance(load.guest, SimGuest)
    load.guest.shift_objects = 1
    with pytest.raises(ScenarioFailed, match="is not its content"):
        check_objects(load, seed=1)


@pytest.mark.parametrize(
    ("codec", "short"),
    [
        ("lzo", lzo.compress(b"short", 1, False)),
        ("lz4", lz4.block.compress(b"short", store_size=False)),
    ],
)
def test_what_the_library_refuses_is_an_error(codec: str, short: bytes) -> None:
    with pytest.raises(ScenarioFailed, match="refuses"):
        decode(codec, b"\xff" * 40)
    with pytest.raises(ScenarioFailed):
        decode(codec, short)
