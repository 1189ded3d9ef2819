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

from harness.testbed import Guest, Testbed
from harness.transport.base import Transport
from tests.integration.android import LARGE, OTHER, device, pid_of

Way = Callable[[Testbed, Guest], Transport]
WAYS: dict[str, Way] = {
    "adb": lambda testbed, guest: testbed.adb(guest.name),
    "ssh": lambda testbed, guest: testbed.ssh(guest.name),
}


def test_the_functional_set_passes(android: Guest) -> None:
    """images/android/java/tests, in a process that the zygote forks."""
    began = time.monotonic()
    done = android.transport.run("am instrument", timeout_s=600)
    print(done.text, f"{time.monotonic() - began:.1f} s", sep="\n")
    assert done.status == 0, done.text
    names = re.findall(r"^ok (\S+) ms=\d+$", done.text, re.M)
    assert done.text.splitlines()[-1] == f"{len(names)} tests, 0 failed"
    assert len(names) >= 25


def test_it_is_labelled_for_what_it_is(android: Guest) -> None:
    model = android.transport.succeed("getprop ro.product.model")
    genuine, _, others = model.partition(" Not: ")
    assert "not an AOSP image" in genuine
    for name in ("ART 11", "core library", "binder", "servicemanager", "lmkd", "adbd"):
        assert name in genuine
    for name in (
        "glibc",
        "init",
        "activity manager",
        "stubs",
        "interpreter",
        "GPU",
        "SELinux",
        "AOT",
    ):
        assert name in others
    assert "[ro.product.model]" in android.transport.succeed("getprop")


def test_properties_that_were_set_are_listed_with_the_others(android: Guest) -> None:
    android.transport.succeed("setprop debug.test.listed 'a b'")
    assert "[debug.test.listed]: [a b]" in android.transport.succeed("getprop").splitlines()


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
    packages = [p for p in phone.packages() if p != LARGE][:4]
    for package in packages:
        phone.start(package)
    front = phone.start(LARGE)
    before = phone.kills()
    order = {process.pid: process.adj for process in phone.stack()}
    for kib in (16, 32, 48):
        if len(phone.kills()) == len(before):
            assert " ok " in phone.front(f"burst {kib * 1024}")
    kills = phone.kills()[len(before) :]
    assert kills, "nobody had to go"
    adjs = [kill.adj for kill in kills]
    assert adjs == sorted(adjs, reverse=True)
    assert all(order.get(kill.pid, kill.adj) == kill.adj for kill in kills)
    assert phone.stack()[0].pid == front.pid
    phone.verify()
