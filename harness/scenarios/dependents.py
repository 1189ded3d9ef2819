# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes that depend on each other: killing one breaks the others, compressing it does not.

A server holds the largest heap of the guest, which makes it the one that the kernel kills first.
Its clients ask it every second and end when it does not answer. Heaps beside them fill the slice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.deadline import Deadline
from harness.errors import GuestError, ScenarioFailed
from harness.report.run import Scalar
from harness.scenarios import measured
from harness.scenarios.bed import Guest
from harness.scenarios.context import Context
from harness.scenarios.driver import with_driver, without_driver
from harness.scenarios.heaps import MOST, Heaps
from harness.scenarios.load import Load, guest_run
from harness.scenarios.pressure import read_pressure

# For a client to notice, or to ask again: it asks each second.
NOTICE_S = 60.0


@dataclass(frozen=True, slots=True)
class Service:
    """A server with a heap, and clients that end when it does not answer."""

    guest: Guest
    server: Load
    clients: int

    def broken(self) -> int:
        """How many of its clients have ended."""
        return len(guest_run(self.guest, "ls /run/client.broken.* 2> /dev/null; true").split())

    def answered(self) -> int:
        """How often it has answered, all in all."""
        return int(guest_run(self.guest, "cat /run/client.answers.* | wc -c"))

    def until_all_broken(self) -> None:
        """Wait for the clients to notice that their server is gone."""
        deadline = Deadline(NOTICE_S)
        while self.broken() < self.clients:
            deadline.check("the clients to notice", f"{self.broken()} of {self.clients} did")
            guest_run(self.guest, "sleep 1")

    def until_answered(self) -> None:
        """Wait until as many more answers have come as there are clients, or one has ended."""
        deadline = Deadline(NOTICE_S)
        before = self.answered()
        while self.answered() < before + self.clients and not self.broken():
            deadline.check("the clients to be answered")
            guest_run(self.guest, "sleep 1")


@contextmanager
def service(heaps: Heaps, *, pages: int, clients: int) -> Iterator[Service]:
    """The server and its clients for as long as the block lasts; all of memload ends with it."""
    guest = heaps.guest
    server = Load.start(
        guest, name="server", content=heaps.content, seed=1, pages=pages, corpus=heaps.corpus
    )
    server.fill(1)
    guest_run(guest, "rm -f /run/client.*; touch /run/client.go")
    for number in range(clients):
        ask = "memload ctl --socket /tmp/memload.server info > /dev/null 2>&1"
        give_up = f"{{ touch /run/client.broken.{number}; break; }}"
        guest_run(
            guest,
            f"(while [ -e /run/client.go ]; do {ask} || {give_up};"
            f" printf x >> /run/client.answers.{number}; sleep 1; done) > /dev/null 2>&1"
            " < /dev/null &",
        )
    try:
        yield Service(guest, server, clients)
    finally:
        guest_run(guest, "rm -f /run/client.go")
        heaps.end()
        guest_run(guest, "sleep 1.5; rm -f /run/client.*")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of ``clients`` clients when their guest was short of memory.

    without, alive: heaps beside the server, before the first kill and with the driver
    """

    clients: int
    without: int
    broken_without: int
    alive: int
    broken: int
    kills: int

    def __str__(self) -> str:
        return (
            f"without the driver the server is killed at {self.without} heaps and"
            f" {self.broken_without} of {self.clients} clients with it; with it {self.alive} heaps"
            f" live beside it, {self.kills} processes are killed and {self.broken} clients broken"
        )


def compare_service(heaps: Heaps, *, pages: int, clients: int, more: int) -> Comparison:
    """Heaps beside the service until one is killed, without the driver; ``more`` than that with it.

    Server and heaps are verified. Raises GuestError naming one that is killed with the driver.
    """
    guest = heaps.guest
    without_driver(guest)
    with service(heaps, pages=pages, clients=clients) as off:
        without = heaps.until_killed(MOST)
        off.until_all_broken()
        broken_without = off.broken()
    with_driver(guest)
    kills = read_pressure(guest).kills
    with service(heaps, pages=pages, clients=clients) as on:
        for _ in range(without + more):
            heaps.begin()
        heaps.verify()
        on.until_answered()
        on.server.verify(2)
        return Comparison(
            clients=clients,
            without=without,
            broken_without=broken_without,
            alive=len(heaps.alive),
            broken=on.broken(),
            kills=read_pressure(guest).kills - kills,
        )


def dependents(ctx: Context, step: measured.Dependents) -> None:
    """The comparison for every guest. Raises ScenarioFailed when a client was broken with it."""
    for guest in ctx.guests:
        heaps = Heaps(guest, ctx.corpus, step.content, step.pages)
        try:
            found = compare_service(
                heaps, pages=step.server_pages, clients=step.clients, more=step.more
            )
        except GuestError as error:
            raise ScenarioFailed(f"with the driver, too: {error}", where=guest.name) from error
        finally:
            with_driver(guest)
        labels: dict[str, Scalar] = {"guest": guest.name, "profile": ctx.profile}
        for name, value in (
            ("clients_broken_without", found.broken_without),
            ("clients_broken", found.broken),
            ("heaps_alive_without", found.without),
            ("heaps_alive", found.alive),
            ("heaps_killed", found.kills),
        ):
            ctx.folder.metric(name, value, "processes", **labels)
        ctx.folder.event("compared-dependents", guest=guest.name, result=str(found))
        ctx.active = True
        if found.kills or found.broken:
            raise ScenarioFailed(str(found), where=guest.name)
