# SPDX-License-Identifier: GPL-2.0-or-later
"""xen-memcompress and the domctl below it, in dom0 of the real system."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from harness.build.artifacts import existing
from harness.hypervisor import Xl
from harness.hypervisor.memcompress import TOOL
from harness.transport.base import Transport
from tests.integration.domains import paused_domain
from tests.integration.programs import push_program


@pytest.fixture
def newcomer(dom0: Transport) -> Iterator[int]:
    """A domain that has not run yet, and for which the controller is not on."""
    with paused_domain(dom0, "newcomer") as domid:
        yield domid


def tool(dom0: Transport, *words: str | int, status: int = 0) -> str:
    """What the tool says: its answer if it succeeds, else why not."""
    done = dom0.run([TOOL, *(str(word) for word in words)], timeout_s=300)
    said = done.stderr.decode("utf-8", "replace")
    assert done.status == status, said
    return said if status else done.text


def show(dom0: Transport, domid: int) -> Any:
    return json.loads(tool(dom0, "show", domid, "--json"))


def test_what_a_domctl_does_not_use_has_to_be_zero(dom0: Transport, newcomer: int) -> None:
    program = push_program(dom0, "domctl_arguments.c")
    done = dom0.run([program, str(newcomer)], timeout_s=300).check("dom0")
    assert done.text == ""
    assert b" arguments\n" in done.stderr


def test_only_a_domain_that_never_ran_can_be_opted_in(dom0: Transport, newcomer: int) -> None:
    Xl(dom0).unpause("newcomer")
    Xl(dom0).pause("newcomer")
    assert "ran already: create it with xl create -p" in tool(dom0, "enable", newcomer, status=6)
    assert not show(dom0, newcomer)["info"]["enabled"]
    assert "enable it before" in tool(dom0, "compress", newcomer, status=5)


def test_a_domain_is_opted_in_once(dom0: Transport, newcomer: int) -> None:
    tool(dom0, "enable", newcomer)
    assert "it is on already: use set" in tool(dom0, "enable", newcomer, status=1)
    assert show(dom0, newcomer)["info"]["enabled"]


def test_the_hardware_domain_is_refused(dom0: Transport) -> None:
    assert "kind of domain cannot be compressed" in tool(dom0, "enable", "0", status=5)
    assert 0 not in [one["domid"] for one in json.loads(tool(dom0, "list", "--json"))]


def test_settings_are_changed_one_by_one(dom0: Transport, newcomer: int) -> None:
    tool(dom0, "enable", newcomer, "sweep_ms=0", "max_compressed=700", "crc=1")
    tool(dom0, "set", newcomer, "max_store_pages=900")
    tool(dom0, "set", newcomer, "crc=0")
    now = show(dom0, newcomer)
    assert (now["sweep_ms"], now["max_compressed"], now["max_store_pages"]) == (0, 700, 900)
    # A Xen with assertions checks objects whatever it is told.
    assert now["flags"]["crc"] == ("xen-debug" in str(existing().xen.path))
    assert now["flags"]["guest_ops"]
    tool(dom0, "compress", newcomer)
    assert show(dom0, newcomer)["compressed"] == 700


def test_same_filled_pages_go_through_the_codec_where_that_is_set(
    dom0: Transport, newcomer: int
) -> None:
    tool(dom0, "enable", newcomer, "sweep_ms=0", "crc=1", "codec_only=1")
    tool(dom0, "compress", newcomer)
    by_codec = show(dom0, newcomer)
    assert (by_codec["zero"], by_codec["same"]) == (0, 0)
    assert by_codec["lzo"] == by_codec["compressed"] > 1000
    tool(dom0, "restore", newcomer)
    tool(dom0, "set", newcomer, "codec_only=0")
    tool(dom0, "compress", newcomer)
    # Its memory was never written to: as many pages, and hardly any is more than a word, which is
    # zero, or what a debug build scrubs with.
    told_apart = show(dom0, newcomer)
    assert told_apart["zero"] + told_apart["same"] > by_codec["lzo"] // 2
    assert told_apart["info"]["balanced"]


def test_off_brings_everything_back_and_is_for_good(dom0: Transport, newcomer: int) -> None:
    tool(dom0, "enable", newcomer, "sweep_ms=0")
    tool(dom0, "compress", newcomer)
    compressed = show(dom0, newcomer)["compressed"]
    assert compressed > 1000
    assert json.loads(tool(dom0, "off", newcomer, "--json")) == {"done": compressed}
    now = show(dom0, newcomer)
    assert now["compressed"] == 0
    assert now["resident"] == now["nominal"]
    assert now["info"] == {**now["info"], "enabled": False, "balanced": True}
    assert "enable it before" in tool(dom0, "compress", newcomer, status=5)
    assert "on already" in tool(dom0, "enable", newcomer, status=1)
    assert tool(dom0, "restore", newcomer) == "0 pages restored"
    line = next(line for line in tool(dom0, "list").splitlines() if " newcomer " in line)
    assert line.endswith("(off)")


def test_watch_tells_what_has_changed(dom0: Transport, newcomer: int) -> None:
    tool(dom0, "enable", newcomer, "sweep_ms=0")
    watch = f"{TOOL} watch newcomer --interval 2 --count 3"
    said = dom0.succeed(f"{watch} & sleep 1; {TOOL} compress newcomer; wait", timeout_s=120)
    done = int(re.search(r"^(\d+) pages compressed$", said, re.MULTILINE)[1])  # type: ignore[index]
    lines = [line.split() for line in said.splitlines() if "pages" not in line][1:]
    assert sum(int(line[4]) for line in lines) == done
    assert [line[4] for line in lines].count("0") == 2


def test_a_domain_that_is_gone_has_a_status_of_its_own(dom0: Transport) -> None:
    assert "see xl list" in tool(dom0, "show", 3000, status=4)
    assert "see xl list" in tool(dom0, "off", "nobody", status=4)
