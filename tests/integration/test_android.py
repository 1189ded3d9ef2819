# SPDX-License-Identifier: GPL-2.0-or-later
"""The Android guest is what it says: runtime, services, applications, and ways into it."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.deadline import Deadline
from harness.testbed import Guest, Testbed
from harness.transport.base import Transport
from tests.integration.android import (
    LARGE,
    OTHER,
    device,
    kill_until,
    pass_the_functional_set,
    pid_of,
)

Way = Callable[[Testbed, Guest], Transport]
WAYS: dict[str, Way] = {
    "adb": lambda testbed, guest: testbed.adb(guest.name),
    "ssh": lambda testbed, guest: testbed.ssh(guest.name),
}


def test_the_functional_set_passes(android: Guest) -> None:
    pass_the_functional_set(android)


@pytest.mark.slow
def test_a_functional_set_that_does_not_come_to_its_end_has_failed(android: Guest) -> None:
    done = android.transport.run(
        "am instrument & asked=$!; sleep 1; kill -9 $(pidof instrument); wait $asked",
        timeout_s=120,
    )
    assert done.text.startswith("ok "), "some tests had passed"
    assert done.status == 1
    assert b"before they had said how many passed" in done.stderr


def test_it_is_labelled_for_what_it_is(android: Guest) -> None:
    model = android.transport.succeed("getprop ro.product.model")
    genuine, _, others = model.partition(" Not: ")
    assert "not an AOSP image" in genuine
    for name in ("ART 11", "core library", "binder", "servicemanager", "lmkd", "adbd"):
        assert name in genuine
    for name in (
        "glibc",
        "init",
        "properties",
        "zygote's program",
        "activity manager",
        "stubs",
        "interpreter",
        "bytecode verification",
        "GPU",
        "SELinux",
        "AOT",
    ):
        assert name in others
    assert "[ro.product.model]" in android.transport.succeed("getprop")


def test_properties_that_were_set_are_listed_with_the_others(android: Guest) -> None:
    android.transport.succeed("setprop debug.test.listed 'a b'")
    assert "[debug.test.listed]: [a b]" in android.transport.succeed("getprop").splitlines()


def test_what_is_read_only_is_set_once(android: Guest) -> None:
    """By build.prop, or by whoever sets it first."""
    names = ("ro.product.model", "ro.boot.hostname")
    said = android.transport.succeed(
        "; ".join(f"setprop {name} another; echo $? $(getprop {name})" for name in names)
    )
    model, hostname = said.splitlines()
    assert model.startswith("1 debian-art, not an AOSP image")
    assert hostname == f"1 {android.name}"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", [0, 1, 37, 255])
def test_output_and_status_are_exact(
    testbed: Testbed, android: Guest, way: str, status: int
) -> None:
    shell = WAYS[way](testbed, android)
    done = shell.run(f"printf 'a\\000b\\377\\r\\n'; printf 'no newline' >&2; exit {status}")
    assert (done.status, done.stdout, done.stderr) == (status, b"a\0b\xff\r\n", b"no newline")


@pytest.mark.parametrize("way", WAYS)
def test_words_and_signals_arrive(testbed: Testbed, android: Guest, way: str) -> None:
    shell = WAYS[way](testbed, android)
    words = ["a b", "$HOME", "it's", "", "*", "--json"]
    assert shell.succeed(["printf", "%s|", *words]) == "".join(f"{word}|" for word in words)
    assert shell.run("kill -SEGV $$").status == 139


@pytest.mark.parametrize("way", WAYS)
def test_content_goes_in_and_out_unchanged(
    testbed: Testbed, android: Guest, way: str, tmp_path: Path
) -> None:
    shell = WAYS[way](testbed, android)
    content = os.urandom(300_001)
    assert shell.run("cat", stdin=content).stdout == content
    source, back = tmp_path / "there", tmp_path / "back"
    source.write_bytes(content)
    source.chmod(0o755)
    shell.push(source, "/data/local/tmp/it's here")
    said = shell.succeed(["sha256sum", "/data/local/tmp/it's here"])
    assert said.split()[0] == hashlib.sha256(content).hexdigest()
    assert shell.run('test -x "/data/local/tmp/it\'s here"').status == 0
    shell.pull("/data/local/tmp/it's here", back)
    assert back.read_bytes() == content
    shell.succeed(["rm", "/data/local/tmp/it's here"])


def test_services_that_die_are_started_again(android: Guest) -> None:
    """By init, and whoever used them finds them again."""
    manager, lmkd = pid_of(android, "servicemanager"), pid_of(android, "lmkd")
    android.transport.succeed(f"kill -9 {manager} {lmkd}")
    for name, before in (("servicemanager", manager), ("lmkd", lmkd)):
        deadline = time.monotonic() + 60
        while pid_of(android, name) == before:
            assert time.monotonic() < deadline, name
    deadline = time.monotonic() + 60
    while android.transport.run("service check xmc.ping").status:
        assert time.monotonic() < deadline, "xmc.ping is registered again"
        time.sleep(0.5)
    device(android).start(OTHER)
    assert "data connection established" in android.transport.succeed("logcat -s lmkd | tail -n 3")


@pytest.mark.slow
def test_a_daemon_that_crashed_is_started_again_and_one_that_was_done_is_not(
    android: Guest,
) -> None:
    """What asks for compression before the killer kills: oneshot, for not every guest has it."""
    before = pid_of(android, "memcompressd")
    android.transport.succeed(f"kill -9 {before}")
    deadline = time.monotonic() + 30
    while pid_of(android, "memcompressd") == before:
        assert time.monotonic() < deadline
    android.transport.succeed("kill $(pidof memcompressd)")
    time.sleep(5)  # init waits 2 seconds
    assert android.transport.run("pidof memcompressd").status != 0


@pytest.mark.slow
def test_applications_and_the_killer_go_on_after_the_zygote_was_killed(android: Guest) -> None:
    """Nobody whom the one before had told lmkd of is left, and lmkd obeys the new one."""
    phone = device(android)
    old = phone.start(OTHER)
    zygote = pid_of(android, "zygote")
    android.transport.succeed(f"kill -9 {zygote}")
    while pid_of(android, "zygote") == zygote:
        time.sleep(0.5)
    deadline = time.monotonic() + 60
    while android.transport.run("am stack list").status:
        assert time.monotonic() < deadline, "the new zygote answers"
        time.sleep(0.5)
    assert phone.stack() == []
    assert android.transport.run(f"kill -0 {old.pid}").status != 0, "it ends with its zygote"
    for package in [p for p in phone.packages() if p != LARGE][:4]:
        assert phone.start(package).cold
    front = phone.start(LARGE)
    for process in phone.stack():
        said = android.transport.succeed(f"cat /proc/{process.pid}/oom_score_adj")
        assert int(said) == process.adj
    assert kill_until(android, 1)
    assert phone.stack()[0].pid == front.pid


@pytest.mark.slow
def test_adb_goes_on_after_adbd_was_killed(testbed: Testbed, android: Guest) -> None:
    ssh, adb = testbed.ssh(android.name), testbed.adb(android.name)
    assert adb.succeed("echo before") == "before"
    # Its program is the loader, by name.
    find = "grep -l 'bin/[a]dbd' /proc/[0-9]*/cmdline 2> /dev/null | cut -d/ -f3"
    before = ssh.succeed(find)
    assert before.isdigit()
    ssh.succeed(f"kill -9 {before}")
    deadline = Deadline(60)
    while ssh.run(find).text.strip() in ("", before):
        deadline.check("another adbd")
        time.sleep(0.5)
    adb.wait_up(deadline)
    assert adb.succeed("echo after") == "after"


@pytest.mark.slow
def test_a_client_that_says_nothing_keeps_nobody_waiting_for_long(android: Guest) -> None:
    silent = "toybox nc -U /dev/socket/zygote"
    android.transport.succeed(f"(sleep 60 | {silent}) < /dev/null > /dev/null 2>&1 &")
    android.transport.succeed("sleep 1; toybox pgrep -f '[n]c -U /dev/socket/zygote'")
    began = time.monotonic()
    assert device(android).packages()
    assert time.monotonic() - began < 40


@pytest.mark.slow
def test_an_application_that_does_not_answer_is_ended_and_the_others_go_on(android: Guest) -> None:
    phone = device(android)
    phone.stop()
    hung, other = phone.start(OTHER), phone.start(LARGE)
    android.transport.succeed(f"kill -STOP {hung.pid}")
    done = android.transport.run(f"am start {OTHER}", timeout_s=120)
    assert (done.status, done.text) == (1, f"error: {OTHER} died")
    assert [process.pid for process in phone.stack()] == [other.pid]
    assert phone.verify() == [LARGE]
    assert phone.start(OTHER).cold


def test_orphans_are_reaped(android: Guest) -> None:
    android.transport.succeed("sh -c '(sleep 0.1 &) ; exit 0'")
    time.sleep(1)
    states = android.transport.succeed("cat /proc/[0-9]*/stat 2> /dev/null").splitlines()
    zombies = [line for line in states if line.rpartition(")")[2].split()[0] == "Z"]
    assert zombies == []


@pytest.mark.slow
def test_applications_are_ordered_by_use_as_android_does(android: Guest) -> None:
    phone = device(android)
    phone.stop()
    for package in phone.packages()[1:4]:
        assert phone.start(package).cold
    stack = phone.stack()
    assert [process.adj for process in stack] == [0, 700, 900]
    said = android.transport.succeed(f"am start {LARGE}")
    (linked, unresolved) = map(int, re.findall(r" (?:classes|unresolved)=(\d+)", said))
    assert linked > 1000
    assert unresolved < linked / 10
    phone.stop(LARGE)
    assert phone.start(stack[0].name).pid == stack[0].pid
    last = stack[-1]
    again = phone.start(last.name)
    assert (again.cold, again.pid) == (False, last.pid)
    assert phone.stack()[0].name == last.name
    for process in phone.stack():
        said = android.transport.succeed(f"cat /proc/{process.pid}/oom_score_adj")
        assert int(said) == process.adj
    assert len(phone.verify()) == 3
    assert {entry.name for entry in phone.meminfo()} == {*(p.name for p in stack), "zygote"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("am start no.such.app", "not installed: no.such.app"),
        ("am stop no.such.app", "not running: no.such.app"),
        ("am", "usage:"),
        ("dumpsys nothing", "usage:"),
        ("logcat -s nobody", "no service wrote as nobody"),
    ],
)
def test_what_cannot_be_done_is_said(android: Guest, command: str, said: str) -> None:
    done = android.transport.run(command)
    assert done.status != 0
    assert said in done.text + done.stderr.decode()


@pytest.mark.slow
def test_lmkd_kills_cached_applications_oldest_first_and_the_front_lives(android: Guest) -> None:
    phone = device(android)
    phone.stop()
    for package in [p for p in phone.packages() if p != LARGE][:4]:
        phone.start(package)
    front = phone.start(LARGE)
    kills = kill_until(android, 2)
    print(kills)
    assert kills[0].adj > kills[1].adj
    assert phone.stack()[0].pid == front.pid
    phone.verify()
