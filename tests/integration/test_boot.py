# SPDX-License-Identifier: GPL-2.0-or-later
"""A booted testbed: what it says of itself, commands in and files out, consoles, QMP."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.deadline import Deadline
from harness.errors import GuestError, UsageError
from harness.testbed import Guest, State, Testbed, attach

Harness = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def harness(testbed: Testbed) -> Harness:
    """The real command line, speaking to the session's testbed."""

    def run(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "harness.cli.app", "--name", testbed.name, *words],
            input=stdin,
            capture_output=True,
            timeout=300,
        )

    return run


def test_every_guest_answers_and_knows_its_name(testbed: Testbed, each_guest: Guest) -> None:
    assert testbed.record.state is State.READY
    assert each_guest.transport.succeed("hostname") == each_guest.name
    assert testbed.dom0.succeed("hostname") == "dom0"


def test_status_has_the_documented_keys_and_the_books_of_every_guest(
    testbed: Testbed, harness: Harness
) -> None:
    done = harness("status", "--json")
    document = json.loads(done.stdout)
    assert document["state"] == "ready"
    assert 0 < document["host"]["free_kib"] < document["host"]["total_kib"]
    assert set(document["guests"]) == set(testbed.guests)
    for name, guest in document["guests"].items():
        assert {
            "state",
            "nominal_kib",
            "resident_kib",
            "compressed_pages",
            "stored_bytes",
            "gained_kib",
            "restores",
        } <= set(guest)
        assert guest["state"] == "running"
        wanted_kib = testbed.profile.guests[name].memory_mib * 1024
        # Xen counts the pages of the console, xenstore and the grant table too.
        assert wanted_kib <= guest["nominal_kib"] <= wanted_kib + 1024


@pytest.mark.parametrize("status", [0, 1, 37, 255])
def test_exec_passes_streams_and_status_exactly(harness: Harness, status: int) -> None:
    line = f"printf 'a\\000b\\377'; printf 'no newline' >&2; exit {status}"
    done = harness("exec", "linux", "--", line)
    assert (done.returncode, done.stdout, done.stderr) == (status, b"a\0b\xff", b"no newline")


def test_exec_passes_words_exactly(harness: Harness) -> None:
    words = ["a b", "$HOME", "it's", "", "*", "--json"]
    done = harness("exec", "linux", "--", "printf", "%s|", *words)
    assert done.stdout.decode() == "".join(f"{word}|" for word in words)


def test_exec_reports_death_by_a_signal_as_the_shell_does(harness: Harness) -> None:
    assert harness("exec", "linux", "--", "kill -SEGV $$").returncode == 139


def test_exec_is_binary_safe_both_ways(harness: Harness) -> None:
    content = os.urandom(1_000_000)
    assert harness("exec", "linux", "--", "cat", stdin=content).stdout == content


@pytest.mark.parametrize("name", ["dom0", "linux"])
def test_files_go_in_and_out_unchanged(harness: Harness, tmp_path: Path, name: str) -> None:
    source, back = tmp_path / "there", tmp_path / "back"
    source.write_bytes(os.urandom(700_001))
    assert harness("push", name, str(source), "/tmp/it's here").returncode == 0
    digest = harness("exec", name, "--", "sha256sum", "/tmp/it's here").stdout.split()[0].decode()
    assert digest == hashlib.sha256(source.read_bytes()).hexdigest()
    assert harness("pull", name, "/tmp/it's here", str(back)).returncode == 0
    assert back.read_bytes() == source.read_bytes()
    harness("exec", name, "--", "rm", "/tmp/it's here")


def test_an_unknown_guest_is_a_usage_error_that_lists_the_known(
    testbed: Testbed, harness: Harness
) -> None:
    done = harness("exec", "windows", "--", "true")
    assert done.returncode == 2
    assert b"dom0, linux" in done.stderr
    with pytest.raises(UsageError):
        testbed.guest("windows")


def test_ssh_runs_an_interactive_shell(harness: Harness) -> None:
    done = harness("ssh", "linux", stdin=b"echo shell of $(hostname)\nexit 5\n")
    assert done.returncode == 5
    assert b"shell of linux" in done.stdout


def test_consoles_are_captured_from_the_first_line_with_rising_times(
    testbed: Testbed, harness: Harness
) -> None:
    for name, words in (("xen", "Xen version"), ("linux", "Linux version")):
        text = harness("console", name).stdout.decode()
        times = [float(match) for match in re.findall(r"^\[ *([\d.]+)\]", text, re.M)]
        assert words in text
        assert times == sorted(times)
        assert len(times) == len(text.splitlines())


def test_what_a_guest_prints_reaches_its_log(linux: Guest) -> None:
    mark = f"mark-{time.monotonic_ns()}"
    linux.transport.succeed(f"echo {mark} > /dev/hvc0")
    linux.wait_console(mark, Deadline(60))


def test_qmp_answers_beside_the_supervisor(testbed: Testbed, harness: Harness) -> None:
    assert json.loads(harness("qmp", "query-status").stdout)["status"] == "running"
    refused = harness("qmp", "device_del", "id=nothing")
    assert refused.returncode == 2
    assert b"nothing" in refused.stderr


def test_stop_and_cont_are_noted_and_the_guests_live_on(testbed: Testbed, linux: Guest) -> None:
    with testbed.qmp() as qmp:
        qmp.stop()
        assert qmp.execute("query-status")["status"] == "paused"
        qmp.cont()
    assert linux.transport.succeed("echo alive") == "alive"
    events = [json.loads(line) for line in testbed.folder.events.read_text().splitlines()]
    assert {"STOP", "RESUME"} <= {event.get("event") for event in events}


def test_a_disk_is_plugged_throttled_and_unplugged(testbed: Testbed, tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    image.write_bytes(b"\0" * (1 << 20))
    with testbed.qmp() as qmp:
        qmp.add_disk("extra", image)
        try:
            devices = [block["qdev"] for block in qmp.execute("query-block") if block.get("qdev")]
            assert any("extra" in device for device in devices)
            for disk in ("extra", "assets"):
                qmp.throttle(disk, bytes_per_s=1 << 20)
                qmp.throttle(disk)
        finally:
            qmp.execute("device_del", {"id": "extra"})


def test_memory_of_the_board_can_be_dumped(testbed: Testbed, tmp_path: Path) -> None:
    log = testbed.consoles()["xen"].read_text()
    match = re.search(r"Loading zImage from [0-9a-f]+ to ([0-9a-f]+)", log)
    assert match is not None
    dump = tmp_path / "dump"
    with testbed.qmp() as qmp:
        qmp.pmemsave(dump, address=int(match.group(1), 16), size_bytes=1 << 16)
    content = dump.read_bytes()
    assert len(content) == 1 << 16
    assert content[0x38:0x3C] == b"ARMd"  # arm64 Linux, Documentation/arch/arm64/booting.rst


def test_gdb_sees_the_cpus_and_lets_the_machine_go_on(linux: Guest, harness: Harness) -> None:
    done = harness("gdb", "xen", "--", "-batch", "-ex", "info threads", "-ex", "detach")
    assert b"Thread 1" in done.stdout, done
    assert linux.transport.succeed("echo alive") == "alive"


def test_another_process_attaches_to_the_same_testbed(testbed: Testbed) -> None:
    with attach(testbed.name) as other:
        assert other.ports == testbed.ports
        assert other.guest("linux").domid == testbed.guest("linux").domid


def test_a_command_that_does_not_end_is_cut_and_the_guest_lives_on(linux: Guest) -> None:
    from harness.deadline import DeadlineExceeded

    with pytest.raises(DeadlineExceeded):
        linux.transport.run("sleep 100", timeout_s=1)
    assert linux.transport.succeed("echo alive") == "alive"


def test_a_domain_that_is_not_there_is_a_guest_error(testbed: Testbed) -> None:
    with pytest.raises(GuestError, match="no domain 'ghost'"):
        testbed.xl.domid("ghost")
