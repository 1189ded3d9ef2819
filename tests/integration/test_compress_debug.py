# SPDX-License-Identifier: GPL-2.0-or-later
"""What one looks at when a system behaves oddly: the debug key and the trace records."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.hypervisor import DomainController
from harness.hypervisor.memcompress import TOOL
from harness.transport.base import Transport
from tests.integration.debug_key import pressed
from tests.integration.domains import paused_domain
from tests.integration.xentrace import CLASS_MEM, Event, Record, records

# Lines that the key prints for a domain, and for the host.
LINES_DOMAIN, LINES_HOST = 6, 1
FORCED = 7
LZO = 5


@pytest.fixture
def newcomer(dom0: Transport) -> Iterator[DomainController]:
    """A domain that has not run yet; nobody ages its pages but the test."""
    with paused_domain(dom0, "traced") as domid:
        dom0.succeed([TOOL, "enable", str(domid), "sweep_ms=0"])
        yield DomainController(dom0, domid)


def test_the_debug_key_prints_the_books_of_every_domain(
    dom0: Transport, newcomer: DomainController
) -> None:
    newcomer.compress()
    stats = newcomer.stats()
    lines = pressed(dom0)
    on = dom0.succeed(f"{TOOL} list --json").count('"domid"')
    assert len(lines) == LINES_HOST + on * LINES_DOMAIN

    first = lines.index(next(line for line in lines if line.startswith(f"d{newcomer.domid}:")))
    said = " ".join(lines[first : first + LINES_DOMAIN])
    assert re.search(r": balanced\b", said)
    for name in ("nominal", "resident", "compressed", "zero", "same", "nominated", "committed"):
        assert f" {name} {getattr(stats, name)}" in said
    assert f"objects {stats.lzo}: {stats.stored_bytes} bytes in {stats.store_pages} pages" in said


def test_the_debug_key_prints_while_pages_come_and_go(
    dom0: Transport, newcomer: DomainController
) -> None:
    """Without a lock: it ends, and the books are in order when it is over."""
    at_it = f"for i in 1 2 3 4 5 6; do {TOOL} compress {newcomer.domid}; {TOOL} restore"
    dom0.succeed(f"({at_it} {newcomer.domid}; done; touch /tmp/at-it-no-more) >/dev/null &")
    pressings = 0
    while dom0.run("test -e /tmp/at-it-no-more").status != 0:
        assert any(line.startswith(f"d{newcomer.domid}:") for line in pressed(dom0))
        pressings += 1
    dom0.succeed("rm /tmp/at-it-no-more")
    assert pressings > 0
    assert newcomer.stats().info["balanced"]


def traced(dom0: Transport, command: str, local: Path) -> list[Record]:
    """The controller's records while a command runs in dom0."""
    # In one session: xentrace ends with it.
    dom0.succeed(
        f"xentrace -D -S 256 -e {CLASS_MEM:#x} /tmp/trace & sleep 1; {command}; sleep 1;"
        " kill -INT $!; wait $!",
        timeout_s=120,
    )
    dom0.pull("/tmp/trace", local)
    dom0.succeed("rm /tmp/trace")
    return list(records(local.read_bytes()))


def test_what_happens_to_a_page_is_traced(
    dom0: Transport, newcomer: DomainController, tmp_path: Path
) -> None:
    before = newcomer.stats()
    domid = newcomer.domid
    found = traced(
        dom0, f"{TOOL} compress {domid} --max 300; {TOOL} restore {domid}", tmp_path / "t"
    )
    found = [record for record in found if record.domid == domid]
    after = newcomer.stats()
    events = Counter(record.event for record in found)

    assert events[Event.NOMINATE] == after.nominated - before.nominated
    assert events[Event.COMMIT] == after.committed - before.committed >= 300
    assert events[Event.REJECT] == events[Event.NOMINATE] - events[Event.COMMIT]
    assert events[Event.RESTORE] == after.restores_total - before.restores_total

    commits = {record.gfn: record for record in found if record.event is Event.COMMIT}
    restores = {record.gfn: record for record in found if record.event is Event.RESTORE}
    assert commits.keys() == restores.keys()
    assert {record.cause for record in restores.values()} == {FORCED}
    assert all(commits[gfn].kind == record.kind for gfn, record in restores.items())
    sizes = [record.value for record in commits.values() if record.kind == LZO]
    assert all(0 < size < 4096 for size in sizes)
