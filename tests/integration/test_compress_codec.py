# SPDX-License-Identifier: GPL-2.0-or-later
"""The codec is the domain's choice, whenever it likes; objects remember theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from harness.hypervisor import DomainController
from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass
from harness.scenarios.load import G_LZO, Load
from harness.scenarios.objects import check_objects
from harness.testbed import Testbed
from tests.integration.compression import Loads


@pytest.fixture
def controller(testbed: Testbed, domid: int) -> DomainController:
    """Of the guest, with all that the tool has."""
    return DomainController(testbed.dom0, domid)


@pytest.fixture
def codec(
    testbed: Testbed, guest: Guest, controller: DomainController
) -> Iterator[Callable[[str], None]]:
    """Sets the guest's codec; LZO again at the end."""
    setup = testbed.profile.guests[guest.name].compress

    def choose(name: str) -> None:
        controller.set(replace(setup, codec=name))

    yield choose
    choose("lzo")


def stored(load: Load) -> int:
    return int((load.states() == G_LZO).sum())


def test_lz4_objects_are_what_liblz4_says_and_come_back_intact(
    controller: DomainController, loads: Loads, codec: Callable[[str], None]
) -> None:
    codec("lz4")
    load = loads.start(ContentClass.MIX, 4096)
    load.compress()
    stats = controller.stats()
    assert stats.codec == "lz4"
    # Whatever else of the guest was compressed along with it is LZ4's, too.
    assert stats.lz4 == stats.lzo
    assert stored(load) > 2000
    assert check_objects(load, seed=6, share=0.01, at_least=64) >= 64
    load.verify_exec(7)
    load.verify(7)
    assert controller.stats().corrupted == 0


def test_the_codec_is_switched_with_objects_of_both_present(
    controller: DomainController, loads: Loads, codec: Callable[[str], None]
) -> None:
    first = loads.start(ContentClass.TEXT, 1500, name="first")
    first.compress()
    before = controller.stats()
    assert (before.codec, before.lz4) == ("lzo", 0)
    assert stored(first) > 1400

    codec("lz4")
    # Nothing happens to those that exist.
    assert stored(first) > 1400
    second = loads.start(ContentClass.CODE, 1500, name="second", seed=77)
    second.compress()
    both = controller.stats()
    assert both.lz4 >= stored(second) > 1000
    assert both.lzo - both.lz4 >= stored(first)
    assert {controller.dump_object(int(g)).codec for g in first.pfns()[:20]} == {"lzo"}
    assert check_objects(first, seed=8, at_least=24) >= 24
    assert check_objects(second, seed=8, at_least=24) >= 24

    codec("lzo")
    first.verify(8)
    second.verify(8)
    first.compress()
    assert check_objects(first, seed=9, at_least=24) >= 24
    first.verify(9)
    assert controller.stats().corrupted == 0
