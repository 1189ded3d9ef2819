# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tool tells: books, histograms, states, objects, classes."""

from __future__ import annotations

import errno
from pathlib import Path

from harness.hypervisor.memcompress import Stats, parse_histogram
from tests.hypervisor.tool import FIRST_GFN, PAGES, Tool


def test_statistics_have_every_field_the_harness_reads(tool: Tool) -> None:
    stats = Stats.parse(tool.json("show", "3"))
    assert stats.version == 1
    assert stats.flags == {"crc": True, "guest_ops": False, "sw_af": False, "codec_only": False}
    assert stats.info == {"enabled": True, "hw_af": False, "balanced": True}
    assert stats.ticks_khz == 62500
    # The pretended Xen numbers the 64-bit words of the structure from 1000 on.
    assert (stats.nominal, stats.reserve_target) == (1002, 1018)
    assert list(stats.restores.values()) == list(range(1019, 1027))
    assert list(stats.restores)[:3] == ["data", "insn", "s1walk"]
    assert (stats.nominated, stats.reclaims) == (1027, 1045)
    assert stats.ages == tuple(range(1046, 1062))
    assert (stats.codec, stats.lz4) == ("lz4", 1063)
    assert (stats.sweep_ms, stats.max_store_pages) == (1064, 1066)
    assert (stats.weight, stats.high, stats.background) == (1067, 1070, 1071)
    assert list(stats.stretch.values()) == list(range(1072, 1080))
    assert (next(iter(stats.stretch)), stats.reclaim_fault) == ("fault", 1080)
    assert (stats.max_held, stats.limited) == (1081, 1082)


def test_list_leaves_out_domains_without_the_controller(tool: Tool) -> None:
    listed = tool.json("list")
    assert [one["domid"] for one in listed] == [3, 7]
    assert listed[1]["name"] == 'a "quoted\\name'


def test_list_ends_with_the_host(tool: Tool) -> None:
    assert tool.run("list").stdout.splitlines()[-1].startswith("host: ")


def test_list_leaves_out_what_the_policy_keeps(tool: Tool) -> None:
    done = tool.run("list", error=errno.EACCES)
    assert "domain 3 is left out" in done.stderr
    assert "not on for any domain" in done.stdout


def test_text_names_what_json_does(tool: Tool) -> None:
    text = tool.run("show", "3").stdout
    document = tool.json("show", "3")
    for name, value in document.items():
        if isinstance(value, int) and name not in ("domid", "version", "ticks_khz"):
            assert f"{name:<15}{value:>12}" in text


def test_domains_go_by_name_too(tool: Tool) -> None:
    assert tool.json("show", "linux") == tool.json("show", "3")
    assert "no domain nobody" in tool.run("show", "nobody", status=4).stderr


def test_a_domain_that_is_not_on_says_so(tool: Tool) -> None:
    assert "the controller is not on" in tool.run("show", "0").stdout
    assert not tool.json("show", "0")["info"]["enabled"]
    assert "enable it before" in tool.run("set", "0", "crc=1", status=5).stderr


def test_watch_prints_as_often_as_asked(tool: Tool) -> None:
    lines = tool.run("watch", "3", "--count", "3", "--interval", "0").stdout.splitlines()
    assert len(lines) == 4  # and a heading
    # Since the domain was created, and then since the line before.
    assert lines[1].split()[4:8] == ["1028", str(sum(range(1019, 1027))), "1029", "1036"]
    assert lines[2].split()[4:8] == lines[3].split()[4:8] == ["0"] * 4
    assert lines[1].split()[:4] == lines[3].split()[:4]


def test_histograms_are_as_the_harness_reads_them(tool: Tool) -> None:
    histogram = parse_histogram(tool.json("histogram", "3", "decode"), "decode")
    assert (histogram.count, histogram.maximum) == (103, 131)
    every = tool.json("histogram", "3")
    assert list(every) == [
        "restore_lzo",
        "restore_same",
        "restore_bulk",
        "decode",
        "compress",
        "encode",
    ]
    assert every["decode"]["buckets"] == {"5": 90, "64": 13}
    # Ticks of 62.5 MHz: the median is 5 ticks, the 99th percentile bucket 128 to 135.
    text = tool.run("histogram", "3", "decode").stdout
    assert "p50 0.08" in text
    assert "p99 2.10" in text
    tool.run("histogram", "3", "nothing", status=2)


def test_states_are_one_byte_a_gfn(tool: Tool, tmp_path: Path) -> None:
    file = tmp_path / "states"
    document = tool.json("states", "3", "-o", str(file))
    content = file.read_bytes()
    assert len(content) == FIRST_GFN + PAGES
    assert not any(content[:FIRST_GFN])
    assert content[FIRST_GFN : FIRST_GFN + 11] == b"\x05\x31" * 5 + b"\x00"
    assert document["runs"] == [
        {"first_gfn": FIRST_GFN, "nr": 10},
        {"first_gfn": FIRST_GFN + 20, "nr": PAGES - 20},
    ]
    assert document["lzo"] == document["resident"] == (PAGES - 10) // 2


def test_objects_are_dumped_as_they_are(tool: Tool, tmp_path: Path) -> None:
    file = tmp_path / "object"
    document = tool.json("dump-object", "3", hex(FIRST_GFN), "-o", str(file))
    assert file.read_bytes() == b"object"
    assert document == {
        "gfn": FIRST_GFN,
        "state": "lzo",
        "size": 6,
        "codec": "lz4",
        "crc": 0xFEDCBA98,
        "pattern": 0,
    }


def test_a_page_of_one_word_has_no_object_but_a_pattern(tool: Tool, tmp_path: Path) -> None:
    file = tmp_path / "object"
    document = tool.json("dump-object", "3", hex(FIRST_GFN + 1), "-o", str(file))
    assert file.read_bytes() == b""
    assert (document["state"], document["pattern"]) == ("same", 2**64 - 1)


def test_nothing_is_dumped_for_a_resident_page(tool: Tool, tmp_path: Path) -> None:
    file = tmp_path / "object"
    done = tool.run("dump-object", "3", hex(FIRST_GFN + 2), "-o", str(file), status=1)
    assert "is resident" in done.stderr
    assert not file.exists()


def test_classes_are_told_with_all_their_fields(tool: Tool) -> None:
    empty, used = tool.json("classes", "3")
    assert empty["size"] == 32
    assert used == {
        "size": 64,
        "chain_pages": 2,
        "chains": 3,
        "pages": 5,
        "slots": 300,
        "objects": 299,
        "head": 77,
    }
    # As text, only what is in use.
    assert tool.run("classes", "3").stdout.splitlines()[1:] == [
        f"{64:>6} {2:>11} {3:>7} {5:>7} {300:>7} {299:>7}"
    ]
