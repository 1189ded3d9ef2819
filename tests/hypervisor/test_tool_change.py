# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tool has Xen do, and for how long it goes on."""

from __future__ import annotations

import pytest

from tests.hypervisor.tool import FIRST_GFN, PAGES, Tool


def test_enable_passes_every_setting(tool: Tool) -> None:
    words = ["sweep_ms=250", "crc=1", "guest_ops=0", "sw_af=1", "codec=lz4", "max_compressed=7"]
    said = tool.run("enable", "3", *words, "max_store_pages=0x10", "max_held=2048").stderr
    assert said == "enable 3 flags=5 sweep=250 compressed=7 store=16 held=2048 codec=1\n"


def test_enable_alone_lets_the_guest_ask(tool: Tool) -> None:
    said = tool.run("enable", "3").stderr
    assert said == "enable 3 flags=2 sweep=1000 compressed=0 store=0 held=0 codec=0\n"


def test_same_filled_pages_can_go_through_the_codec(tool: Tool) -> None:
    said = tool.run("enable", "3", "codec_only=1").stderr
    assert said.startswith("enable 3 flags=10 ")


def test_set_keeps_what_it_does_not_name(tool: Tool) -> None:
    now = tool.json("show", "3")
    kept = f"compressed={now['max_compressed']} store={now['max_store_pages']}"
    kept += f" held={now['max_held']}"
    said = tool.run("set", "3", "sweep_ms=10", "sw_af=1").stderr
    assert said == f"set 3 flags=5 sweep=10 {kept} codec=1\n"
    assert tool.run("set", "3", "codec=lzo").stderr.endswith(" codec=0\n")
    tool.run("set", "3", status=2)


@pytest.mark.parametrize("domain", ["3", "7"])
@pytest.mark.parametrize("verb", ["compress", "restore"])
def test_bulk_verbs_go_on_until_xen_is_through(tool: Tool, verb: str, domain: str) -> None:
    assert tool.json(verb, domain) == {"done": PAGES}
    assert tool.json(verb, domain, "--max", "150") == {"done": 150}
    assert tool.json(verb, domain, "--max=96") == {"done": 96}


def test_sweep_says_nothing(tool: Tool) -> None:
    done = tool.run("sweep", "3")
    assert done.stdout == ""
    assert "sweep 3" in done.stderr


@pytest.mark.parametrize("verb", ["disable", "off"])
def test_off_brings_everything_back(tool: Tool, verb: str) -> None:
    assert tool.json(verb, "3") == {"done": PAGES}
    assert "disable 3" in tool.run(verb, "3").stderr


def test_off_can_be_for_all_domains(tool: Tool) -> None:
    assert tool.json("off", "--all") == {"done": 2 * PAGES}
    said = tool.run("off", "--all").stderr
    assert "disable 3" in said
    assert "disable 7" in said
    assert "disable 0" not in said
    # Of one domain, or of all, but not by accident.
    tool.run("off", status=2)
    tool.run("off", "3", "--all", status=2)


@pytest.mark.parametrize("words", [("restore", "3"), ("off", "3"), ("off", "--all")], ids=" ".join)
def test_one_damaged_page_does_not_keep_the_others(tool: Tool, words: tuple[str, ...]) -> None:
    done = tool.run(*words, status=7, fault="FAKE_DAMAGE")
    assert "object is damaged" in done.stderr
    now = tool.json("show", "3")
    assert f"{now['compressed'] + now['discarded']} pages are still compressed" in done.stderr
    # Gone on behind it, to the last page of all.
    cursors = [
        int(line.rpartition("=")[2]) for line in done.stderr.splitlines() if "cursor" in line
    ]
    assert max(cursors) > FIRST_GFN + 900


@pytest.mark.parametrize("words", [("restore", "3"), ("off", "3"), ("off", "--all")], ids=" ".join)
def test_a_full_host_is_told_what_is_left(tool: Tool, words: tuple[str, ...]) -> None:
    done = tool.run(*words, status=6, fault="FAKE_FULL")
    assert "pages are still compressed" in done.stderr
    assert "free some host memory, then the same again" in done.stderr


def test_min_age_is_passed_and_bounded(tool: Tool) -> None:
    said = tool.run("compress", "3", "--min-age", "4").stderr.splitlines()
    assert all("min_age=4" in line for line in said)
    tool.run("compress", "3", "--min-age", "16", status=2)
