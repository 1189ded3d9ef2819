# SPDX-License-Identifier: GPL-2.0-or-later
"""xl and xen-memcompress: what they say becomes dataclasses, what they refuse becomes errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from harness.config import load_profile
from harness.deadline import Deadline
from harness.errors import GuestError, HypervisorError
from harness.hypervisor import DomainController, Xl
from harness.hypervisor.memcompress import Stats, controller_present, parse_histogram
from harness.hypervisor.xl import parse_list
from harness.report.histogram import Histogram
from harness.transport.base import Completed, command_line

# As dom0 printed it.
XL_LIST = """\
Name                                        ID   Mem VCPUs\tState\tTime(s)
Domain-0                                     0   384     2     r-----       2.5
linux                                        1    64     1     --p---       0.0
android                                      7   104     2     -b----      12.1
dead                                         9    64     2     ---s--       1.0
crashed                                     10    64     2     ----c-       1.0
"""
CAUSES = ("data", "insn", "s1walk", "xen", "grant", "foreign", "hint", "forced")


class FakeDom0:
    """Answers commands from a table, and remembers what it was asked."""

    def __init__(self, answer: Callable[[str], tuple[int, str, str]]) -> None:
        self.asked: list[str] = []
        self._answer = answer
        self.name = "dom0"
        self.where = "dom0"

    def wait_up(self, deadline: Deadline) -> None:
        raise NotImplementedError

    def run(
        self, command: str | Sequence[str], *, timeout_s: float = 60, stdin: bytes = b""
    ) -> Completed:
        line = command_line(command)
        self.asked.append(line)
        status, stdout, stderr = self._answer(line)
        return Completed(line, status, stdout.encode(), stderr.encode())

    def succeed(self, command: str | Sequence[str], *, timeout_s: float = 60) -> str:
        return self.run(command).check("dom0").text

    def stream(
        self,
        command: str | Sequence[str],
        *,
        stdin: BinaryIO | None,
        stdout: BinaryIO,
        stderr: BinaryIO,
        timeout_s: float | None = None,
    ) -> int:
        raise NotImplementedError

    def shell(self) -> int:
        raise NotImplementedError

    def push(self, source: Path, target: str, *, timeout_s: float = 300) -> None:
        raise NotImplementedError

    def pull(self, source: str, target: Path, *, timeout_s: float = 300) -> None:
        raise NotImplementedError

    def close(self) -> None: ...


def says(text: str) -> FakeDom0:
    return FakeDom0(lambda line: (0, text, ""))


def stats_document(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {name: 0 for name in Stats.__slots__}
    document |= {
        "flags": {"crc": True, "guest_ops": True, "sw_af": False, "codec_only": False},
        "info": {"enabled": True, "hw_af": False, "balanced": True},
        "restores": dict.fromkeys(CAUSES, 0),
        "ages": [0] * 16,
    }
    return document | changes


def test_the_table_of_domains_is_read() -> None:
    domains = {domain.name: domain for domain in parse_list(XL_LIST)}
    assert [(d.domid, d.memory_mib, d.vcpus) for d in domains.values()][:3] == [
        (0, 384, 2),
        (1, 64, 1),
        (7, 104, 2),
    ]
    assert {name: domain.state for name, domain in domains.items()} == {
        "Domain-0": "running",
        "linux": "paused",
        "android": "running",
        "dead": "shutdown",
        "crashed": "crashed",
    }


def test_host_memory_is_in_kib() -> None:
    memory = Xl(says("total_memory           : 1024\nfree_memory            : 555\n")).host_memory()
    assert (memory.total_kib, memory.free_kib) == (1048576, 568320)


def test_a_refusal_of_xl_carries_its_last_words() -> None:
    dom0 = FakeDom0(lambda line: (1, "", "Parsing config\nlibxl: error: cannot open kernel\n"))
    with pytest.raises(HypervisorError, match="creating linux failed: libxl: error: cannot open"):
        Xl(dom0).create_paused("/guests/linux.cfg", "linux")


def test_a_domain_that_is_not_there_is_a_guest_error() -> None:
    dom0 = FakeDom0(lambda line: (1, "", "linux is an invalid domain identifier"))
    with pytest.raises(GuestError, match="no domain 'linux' is running"):
        Xl(dom0).domid("linux")


def test_enabling_names_every_setting() -> None:
    dom0 = says("")
    setup = load_profile(overrides=["guests.linux.compress.sweep_ms=250"]).profile.guests["linux"]
    DomainController(dom0, 3).enable(setup.compress)
    assert dom0.asked == [
        "/usr/sbin/xen-memcompress enable 3 sweep_ms=250 crc=1 guest_ops=1 sw_af=0 codec_only=0 "
        "codec=lzo max_compressed=0 max_store_pages=0 weight=0 min_age=0 max_held=0"
    ]


def test_books_are_read_field_by_field_and_give_the_gain() -> None:
    document = stats_document(
        compressed=1000, store_pages=300, table_pages=4, meta_bytes=2048, restores={"data": 3}
    )
    stats = DomainController(says(json.dumps(document)), 3).stats()
    assert stats.gained_kib == (1000 - 300 - 4) * 4 - 2
    assert stats.restores_total == 3
    assert stats.ages == (0,) * 16


def test_books_that_lack_a_field_are_no_books() -> None:
    document = stats_document()
    del document["corrupted"]
    with pytest.raises(HypervisorError, match="lack corrupted"):
        Stats.parse(document)


def test_what_the_tool_refuses_is_told_in_its_words() -> None:
    dom0 = FakeDom0(lambda line: (1, "", "xen-memcompress: out of memory: fill the reserve\n"))
    with pytest.raises(HypervisorError, match="fill the reserve"):
        DomainController(dom0, 3).compress()


def test_an_answer_that_is_no_json_is_told_as_such() -> None:
    with pytest.raises(HypervisorError, match="no JSON"):
        DomainController(says("Segmentation fault"), 3).stats()


@pytest.mark.parametrize(("status", "present"), [(0, True), (3, False), (127, False)])
def test_whether_xen_has_the_controller(status: int, present: bool) -> None:
    assert controller_present(FakeDom0(lambda line: (status, "[]", ""))) is present


def test_a_tool_that_fails_otherwise_is_no_missing_controller() -> None:
    with pytest.raises(GuestError):
        controller_present(FakeDom0(lambda line: (1, "", "Permission denied")))


def test_states_come_as_bytes_and_leave_no_file_behind() -> None:
    dom0 = says("{}\n\x01\n\x05\x03")
    assert DomainController(dom0, 3).states() == b"\x01\n\x05\x03"
    (line,) = dom0.asked
    assert line.endswith("; s=$?; rm -f /tmp/xmc-states-3; exit $s")


def test_states_that_could_not_be_had_are_an_error_of_the_tool() -> None:
    dom0 = FakeDom0(lambda line: (1, "", "no domain 3"))
    with pytest.raises(HypervisorError, match="no domain 3") as caught:
        DomainController(dom0, 3).states()
    assert caught.value.where == "dom0: xen-memcompress states 3"


def test_a_histogram_is_read_from_a_list_or_from_what_is_not_zero() -> None:
    wanted = Histogram.of([5, 20])
    full = {"count": 2, "sum": 25, "max": 20, "buckets": list(wanted.buckets)}
    sparse = full | {"buckets": {str(i): n for i, n in enumerate(wanted.buckets) if n}}
    for document in (full, sparse, {"decode": full}):
        assert parse_histogram(document, "decode") == wanted
    with pytest.raises(HypervisorError):
        parse_histogram({"count": 1}, "decode")
