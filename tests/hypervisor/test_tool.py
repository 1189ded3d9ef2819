# SPDX-License-Identifier: GPL-2.0-or-later
"""xen-memcompress above a pretended Xen (fake_xen.c): what it asks for and what it prints."""

from __future__ import annotations

import errno
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness.build.xen import patches_dir
from harness.hypervisor.memcompress import Stats, parse_histogram
from tests.hypervisor.conftest import Workshop

FIRST_GFN = 0x40000
PAGES = 1000


class Tool:
    """The compiled tool."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def run(
        self, *words: str, status: int = 0, error: int = 0, fault: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run it; error: what every operation fails with; fault: one of fake_xen.c."""
        environment = {"FAKE_XEN": str(error)} if error else {fault: "1"} if fault else {}
        done = subprocess.run(
            [self._path, *words],
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
            check=False,
        )
        assert done.returncode == status, done.stderr
        return done

    def json(self, *words: str) -> Any:
        """Its answer."""
        return json.loads(self.run(*words, "--json").stdout)


@pytest.fixture(scope="module")
def tool(workshop: Workshop) -> Tool:
    return Tool(workshop.tool())


def test_statistics_have_every_field_the_harness_reads(tool: Tool) -> None:
    stats = Stats.parse(tool.json("show", "3"))
    assert stats.version == 1
    assert stats.flags == {"crc": True, "guest_ops": False, "sw_af": False}
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


def test_list_leaves_out_domains_without_the_controller(tool: Tool) -> None:
    listed = tool.json("list")
    assert [one["domid"] for one in listed] == [3, 7]
    assert listed[1]["name"] == 'a "quoted\\name'


def test_text_names_what_json_does(tool: Tool) -> None:
    text = tool.run("show", "3").stdout
    document = tool.json("show", "3")
    for name, value in document.items():
        if isinstance(value, int) and name not in ("domid", "version", "ticks_khz"):
            assert f"{name:<15}{value:>12}" in text


def test_domains_go_by_name_too(tool: Tool) -> None:
    assert tool.json("show", "linux") == tool.json("show", "3")
    assert "no domain nobody" in tool.run("show", "nobody", status=4).stderr


def test_enable_passes_every_setting(tool: Tool) -> None:
    words = ["sweep_ms=250", "crc=1", "guest_ops=0", "sw_af=1", "codec=lz4", "max_compressed=7"]
    said = tool.run("enable", "3", *words, "max_store_pages=0x10").stderr
    assert said == "enable 3 flags=5 sweep=250 compressed=7 store=16 codec=1\n"


def test_enable_alone_lets_the_guest_ask(tool: Tool) -> None:
    said = tool.run("enable", "3").stderr
    assert said == "enable 3 flags=2 sweep=1000 compressed=0 store=0 codec=0\n"


def test_set_keeps_what_it_does_not_name(tool: Tool) -> None:
    now = tool.json("show", "3")
    kept = f"compressed={now['max_compressed']} store={now['max_store_pages']}"
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


def test_watch_prints_as_often_as_asked(tool: Tool) -> None:
    lines = tool.run("watch", "3", "--count", "3", "--interval", "0").stdout.splitlines()
    assert len(lines) == 4  # and a heading
    # Since the domain was created, and then since the line before.
    assert lines[1].split()[4:8] == ["1028", str(sum(range(1019, 1027))), "1029", "1036"]
    assert lines[2].split()[4:8] == lines[3].split()[4:8] == ["0"] * 4
    assert lines[1].split()[:4] == lines[3].split()[:4]


@pytest.mark.parametrize("verb", ["list", "show", "compress", "histogram"])
def test_a_xen_without_the_controller_has_its_own_status(tool: Tool, verb: str) -> None:
    words = [verb] if verb == "list" else [verb, "3"]
    said = tool.run(*words, error=errno.ENOSYS, status=3).stderr
    assert "CONFIG_MEM_COMPRESS" in said


@pytest.mark.parametrize(
    ("error", "words", "status", "advice"),
    [
        (errno.EPERM, ["compress", "3"], 1, "run this as root"),
        (errno.EACCES, ["show", "3"], 1, "domain2:mem_compress_op"),
        (errno.EINVAL, ["compress", "3"], 1, "build it from the same tree"),
        (errno.EEXIST, ["enable", "3"], 1, "use set"),
        (errno.ENODEV, ["enable", "3"], 3, "take mem_compress=no from"),
        (errno.ESRCH, ["show", "3"], 4, "No such process: see xl list"),
        (errno.EOPNOTSUPP, ["compress", "3"], 5, "before the domain first runs"),
        (errno.EOPNOTSUPP, ["enable", "3"], 5, "kind of domain"),
        (errno.EBUSY, ["enable", "3"], 6, "xl create -p"),
        (errno.ENOMEM, ["enable", "3"], 6, "reserve cannot be filled"),
        (errno.ENOMEM, ["compress", "3"], 6, "free some host memory"),
        (errno.EAGAIN, ["dump-object", "3", "5", "-o", "/dev/null"], 6, "try again"),
    ],
)
def test_errors_come_with_what_to_do(
    tool: Tool, error: int, words: list[str], status: int, advice: str
) -> None:
    done = tool.run(*words, error=error, status=status)
    assert advice in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["frobnicate"],
        ["show"],
        ["show", "70000"],
        ["enable", "3", "speed=9"],
        ["enable", "3", "crc=2"],
        ["enable", "3", "codec=zstd"],
        ["enable", "3", "sweep_ms="],
        ["enable", "3", "sweep_ms=-1"],
        ["compress", "3", "--max"],
        ["compress", "3", "--frob"],
        ["states", "3"],
        ["dump-object", "3", "-o", "/dev/null"],
        ["dump-object", "3", "12x", "-o", "/dev/null"],
        ["show", "3", "4"],
        ["show", "3", "--max", "5"],
        ["restore", "3", "--min-age", "2"],
        ["off"],
        ["set", "3"],
        ["set", "3", "sweep=4"],
        ["set", "3", "crc"],
    ],
    ids=" ".join,
)
def test_wrong_usage_has_its_own_status(tool: Tool, words: list[str]) -> None:
    done = tool.run(*words, status=2)
    assert "xen-memcompress" in done.stderr


BROKER = """
keep = 2  # MiB
idle_age = 8
domain linux weight=200 max=2048
domain a_stranger min=16
"""


def test_the_broker_looks_at_the_domains_of_its_file(tool: Tool, tmp_path: Path) -> None:
    file = tmp_path / "broker.conf"
    file.write_text(BROKER)
    done = tool.run("broker", str(file), "--dry-run", "--count", "2", "--interval", "0")
    # 4096 KiB; met once, though looked at twice.
    assert "linux: has a slice of 1024 frames" in done.stdout
    assert "stranger" not in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    "line",
    [
        *("keep", "keep = much", "keep = 1 2", "keep: 1", "step = 0", "idle_age = 16"),
        *("unheard = 1", "domain", "domain x weight=0", "domain x weight=100000"),
        *("domain x size=3", "domain x min=3 max=2", "domain linux", "domain x max=-1"),
    ],
)
def test_a_wrong_line_of_the_broker_is_named(tool: Tool, tmp_path: Path, line: str) -> None:
    file = tmp_path / "broker.conf"
    file.write_text(f"{BROKER}{line}\n")
    said = tool.run("broker", str(file), "--dry-run", "--count", "1", status=2).stderr
    assert f"{file}:6: " in said


def test_a_broker_wants_two_domains_and_a_file(tool: Tool, tmp_path: Path) -> None:
    file = tmp_path / "broker.conf"
    file.write_text("domain linux\n")
    assert "less than two domains" in tool.run("broker", str(file), status=2).stderr
    assert "No such file" in tool.run("broker", str(tmp_path / "no"), status=2).stderr
    tool.run("broker", status=2)
    tool.run("broker", str(file), "--json", status=2)


VERBS = [
    "broker",
    *("list", "show", "watch", "enable", "set", "compress", "restore", "sweep", "off"),
    *("histogram", "states", "dump-object", "classes"),
]


def test_help_teaches(tool: Tool) -> None:
    text = tool.run("--help").stdout
    assert all(f"\n  {verb} " in text for verb in VERBS)
    assert "first steps:" in text
    assert "exit status:" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_of_its_own(tool: Tool, verb: str) -> None:
    text = tool.run(verb, "--help").stdout
    assert text.startswith(f"usage: xen-memcompress {verb}")
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("verb", ["enable", "set"])
def test_help_describes_every_key(tool: Tool, verb: str) -> None:
    text = tool.run(verb, "--help").stdout
    for key in (
        "sweep_ms",
        "max_compressed",
        "max_store_pages",
        "crc",
        "guest_ops",
        "sw_af",
        "codec",
    ):
        assert f"\n  {key} " in text


def test_a_domain_that_is_not_on_says_so(tool: Tool) -> None:
    assert "the controller is not on" in tool.run("show", "0").stdout
    assert not tool.json("show", "0")["info"]["enabled"]
    assert "enable it before" in tool.run("set", "0", "crc=1", status=5).stderr


def test_list_ends_with_the_host(tool: Tool) -> None:
    assert tool.run("list").stdout.splitlines()[-1].startswith("host: ")


def test_list_leaves_out_what_the_policy_keeps(tool: Tool) -> None:
    done = tool.run("list", error=errno.EACCES)
    assert "domain 3 is left out" in done.stderr
    assert "not on for any domain" in done.stdout


def test_the_manual_has_every_verb_and_every_setting(tool: Tool) -> None:
    """What was asked for is there, and what the tool's own help names is in its manual."""
    manual = (patches_dir() / "files/docs/man/xen-memcompress.8.pod").read_text()
    verbs, settings = (
        set(re.findall(r"^=item B<([\w-]+)>", manual.partition(part)[2].split("=head1")[0], re.M))
        for part in ("=head1 VERBS", "=head1 SETTINGS")
    )
    usage = tool.run("--help").stdout
    assert verbs == set(re.findall(r"^  ([a-z][\w-]+) {2,}\S", usage, re.MULTILINE))
    assert verbs >= {"list", "show", "set", "compress", "restore", "dump-object", "histogram"}
    assert verbs >= {"watch", "off"}
    told = tool.run("set", "--help").stdout
    assert settings == set(re.findall(r"^ +(\w+) {2,}\S", told, re.MULTILINE))
