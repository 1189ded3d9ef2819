# SPDX-License-Identifier: GPL-2.0-or-later
"""What killing breaks and compression does not."""

from __future__ import annotations

from harness.build.artifacts import existing
from harness.scenarios.bed import Guest
from harness.scenarios.content import ContentClass, Corpus
from harness.scenarios.dependents import compare_service
from harness.scenarios.heaps import Heaps

CLIENTS = 3


def test_clients_live_on_where_killing_their_server_breaks_them(sliced: Guest) -> None:
    """The paper's argument: nobody depends on a process less because it is idle."""
    heaps = Heaps(sliced, Corpus.load(existing().corpus.path), ContentClass.TEXT)
    found = compare_service(heaps, pages=4096, clients=CLIENTS, more=2)
    print(found)
    assert found.broken_without == CLIENTS
    assert found.alive == found.without + 2
    assert found.broken == 0
    assert found.kills == 0
