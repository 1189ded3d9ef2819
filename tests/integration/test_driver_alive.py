# SPDX-License-Identifier: GPL-2.0-or-later
"""What killing breaks and compression does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from harness.build.artifacts import existing
from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass, Corpus
from harness.scenarios.driver import with_driver, without_driver
from harness.scenarios.heaps import MOST, Heaps
from harness.scenarios.load import Load, guest_run
from harness.scenarios.pressure import read_pressure
from tests.integration.compression import wait_for

SERVER_PAGES = 4096
CLIENTS = 3


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus.load(existing().corpus.path)


@dataclass(frozen=True)
class Service:
    """A server with a heap, and clients that end when it does not answer."""

    guest: Guest
    server: Load

    def broken(self) -> int:
        """How many of its clients have ended."""
        return len(guest_run(self.guest, "ls /run/client.broken.* 2> /dev/null; true").split())

    def answered(self) -> int:
        """How often it has answered, all in all."""
        return int(guest_run(self.guest, "cat /run/client.answers.* | wc -c"))


@contextmanager
def service(guest: Guest, corpus: Corpus) -> Iterator[Service]:
    """The largest process of the guest, which is whom the kernel kills first."""
    server = Load.start(
        guest, name="server", content=ContentClass.TEXT, seed=1, pages=SERVER_PAGES, corpus=corpus
    )
    server.fill(1)
    guest_run(guest, "rm -f /run/client.*; touch /run/client.go")
    for number in range(CLIENTS):
        ask = "memload ctl --socket /tmp/memload.server info > /dev/null 2>&1"
        give_up = f"{{ touch /run/client.broken.{number}; break; }}"
        guest_run(
            guest,
            f"(while [ -e /run/client.go ]; do {ask} || {give_up};"
            f" printf x >> /run/client.answers.{number}; sleep 1; done) > /dev/null 2>&1"
            " < /dev/null &",
        )
    yield Service(guest, server)
    guest_run(guest, "rm -f /run/client.go; killall -q memload; sleep 1.5; rm -f /run/client.*")


def test_clients_live_on_where_killing_their_server_breaks_them(
    sliced: Guest, corpus: Corpus
) -> None:
    """The paper's argument: nobody depends on a process less because it is idle."""
    heaps = Heaps(sliced, corpus, ContentClass.TEXT)
    without_driver(sliced)
    with service(sliced, corpus) as off:
        lived = heaps.until_killed(MOST)
        wait_for("the clients to notice", lambda: off.broken() == CLIENTS)
    heaps.end()
    with_driver(sliced)
    kills = read_pressure(sliced).kills
    with service(sliced, corpus) as on:
        for _ in range(lived + 2):
            heaps.begin()
        heaps.verify()
        before = on.answered()
        wait_for("the clients to ask again", lambda: on.answered() >= before + CLIENTS)
        assert on.broken() == 0
        on.server.verify(2)
    print(
        f"{lived} heaps beside it: without the driver the server is killed, and {CLIENTS} clients"
    )
    assert read_pressure(sliced).kills == kills
