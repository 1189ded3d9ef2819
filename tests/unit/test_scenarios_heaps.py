# SPDX-License-Identifier: GPL-2.0-or-later
"""Heaps in a slice, with the driver and without: what is compared, on a guest of a few lines."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from harness.errors import GuestError, ScenarioFailed
from harness.scenarios import content
from harness.scenarios.content import ContentClass, Corpus
from harness.scenarios.dependents import compare_service
from harness.scenarios.heaps import MOST, Heaps, before_the_first_kill, compare
from tests.unit.simulated_bed import Done, SimGuest

PAGES = 4


class SmallGuest(SimGuest):
    """Has room for so many memloads; the oldest is killed for one that has none."""

    def __init__(self, corpus: Corpus, *, room: int, room_with_driver: int) -> None:
        super().__init__(corpus)
        self.room = {False: room, True: room_with_driver}
        self.driver = True
        self.kills = 0
        self.seeds: dict[str, int] = {}
        self.clients = 0
        self.answers = 0
        self.broken_from = MOST
        """So many memloads can begin, and no more, whatever room there is."""

    def run(self, command: str, *, timeout_s: float) -> Done:
        if command.startswith("memload"):
            return self._memload(shlex.split(command))
        if "killall -q memload;" in command:
            self.seeds.clear()
        elif "client.go ]" in command:
            self.clients += 1
        elif "rm -f /run/client.*" in command:
            self.clients = 0
        elif "ls /run/client.broken" in command:
            lives = any(socket.endswith("server") for socket in self.seeds)
            return Done(b"" if lives else b"broken\n" * self.clients)
        elif "client.answers" in command:
            self.answers += self.clients
            return Done(str(self.answers).encode())
        elif "rmmod" in command:
            self.driver = False
        elif "insmod" in command:
            self.driver = True
        elif "/proc/pressure" in command:
            psi = f"some total=1\nfull total=2\noom_kill {self.kills}\n"
            return Done(psi.encode())
        elif command.startswith("cat"):
            return Done(b"[1.0] watching")
        return Done()

    def _memload(self, words: list[str]) -> Done:
        socket = words[words.index("--socket") + 1]
        if words[1] == "serve":
            if len(self.seeds) >= self.broken_from:
                return Done(status=1, stderr=b"no such program")
            self.seeds[socket] = int(words[words.index("--seed") + 1])
            if len(self.seeds) > self.room[self.driver]:
                del self.seeds[next(iter(self.seeds))]
                self.kills += 1
            return Done(b"321\n")
        if socket not in self.seeds:
            return Done(status=1, stderr=b"Connection refused")
        if "digest" not in words:
            return Done()
        seed = self.seeds[socket]
        found = content.expected_digests(ContentClass.ZERO, seed, 1, PAGES, self.corpus)
        return Done(found.tobytes())


def heaps_in(folder: Path, *, room: int, room_with_driver: int) -> Heaps:
    for name in ("text", "code", "pointer"):
        (folder / name).write_bytes(bytes(1 << 16))
    corpus = Corpus.load(folder)
    guest = SmallGuest(corpus, room=room, room_with_driver=room_with_driver)
    return Heaps(guest, corpus, ContentClass.ZERO, PAGES)


def test_what_lives_without_the_driver_is_counted_and_half_as_many_again_begun(
    tmp_path: Path,
) -> None:
    found = compare(heaps_in(tmp_path, room=5, room_with_driver=9), ratio=1.5, rounds=2)
    assert (found.without, found.kills_without) == (5, 1)
    assert (found.alive, found.kills) == (8, 0)


def test_a_heap_that_cannot_begin_was_not_killed(tmp_path: Path) -> None:
    heaps = heaps_in(tmp_path, room=9, room_with_driver=9)
    assert isinstance(heaps.guest, SmallGuest)
    heaps.guest.broken_from = 4
    assert heaps.until_killed(MOST) == 4
    assert heaps.killed == 0


def test_one_that_is_killed_with_the_driver_is_named(tmp_path: Path) -> None:
    with pytest.raises(GuestError, match="heap0"):
        compare(heaps_in(tmp_path, room=5, room_with_driver=7), ratio=1.5, rounds=2)


def test_a_guest_in_which_nobody_is_killed_is_no_comparison(tmp_path: Path) -> None:
    heaps = heaps_in(tmp_path, room=MOST + 1, room_with_driver=MOST + 1)
    with pytest.raises(ScenarioFailed, match="nobody was killed"):
        before_the_first_kill(heaps)


def test_clients_of_a_server_that_is_killed_without_the_driver_live_on_with_it(
    tmp_path: Path,
) -> None:
    heaps = heaps_in(tmp_path, room=5, room_with_driver=9)
    found = compare_service(heaps, pages=PAGES, clients=3, more=2)
    # The server is one of the five that there is room for.
    assert (found.without, found.broken_without) == (4, 3)
    assert (found.alive, found.broken, found.kills) == (6, 0, 0)


def test_a_server_that_is_killed_with_the_driver_is_no_success(tmp_path: Path) -> None:
    heaps = heaps_in(tmp_path, room=5, room_with_driver=6)
    with pytest.raises(GuestError, match="server"):
        compare_service(heaps, pages=PAGES, clients=3, more=2)
