# SPDX-License-Identifier: GPL-2.0-or-later
"""A key-value server and its clients, by Valkey."""

from __future__ import annotations

import hashlib
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.deadline import Deadline
from harness.errors import GuestError
from harness.report.run import Scalar
from harness.scenarios.bed import Guest
from harness.scenarios.load import REQUEST_TIMEOUT_S, guest_run
from harness.scenarios.workloads.base import Result, Setup, stopped_on_error
from harness.scenarios.workloads.programs import (
    ROOT,
    STARTED_S,
    in_root,
    mount,
    needs_disk,
    parse_numbers,
    require_arm64,
    same,
)

SERVER, CLIENT, BENCHMARK = (f"/usr/bin/valkey-{name}" for name in ("server", "cli", "benchmark"))
SOCKET, SAID, TOOK = "/run/valkey.sock", "/run/valkey.log", "/run/valkey.took"
# A value with its key and the server's own fields.
RECORD_BYTES = 470
REQUESTS = 20_000
CLIENTS = 4
# Requests that a client has under way at a time: emulated, each switch between processes is dear.
PIPELINE = 16
# Values go by the numbers of a Lehmer generator: exact in the server's floating point.
_FACTOR, _MODULUS = 16807, 2147483647

# A record as applications keep them: field names, words, and numbers, which are all that differs.
TEMPLATE = (
    '{"id":%d,"user":{"name":"user%d","city":"city%d","since":%d},"status":"delivered",'
    '"order":{"number":%d,"total":%d,"currency":"EUR","items":[{"article":%d,"count":1},'
    '{"article":%d,"count":2}]},"tags":["new","mobile"],"note":"left with the neighbour, ref %x",'
    '"updated":%d}'
)
# ARGV: seed, first, last.
RECORD = (
    f"local template = '{TEMPLATE}';"
    " local function record(seed, i) local x = (seed * 7919 + i * 104729) % 2147483647;"
    " local n = {}; for f = 1, 10 do x = (x * 16807) % 2147483647; n[f] = x end;"
    " return string.format(template, unpack(n)) end;"
)
FILL = RECORD + (
    " for i = ARGV[2], ARGV[3] do"
    " redis.call('SET', string.format('k%012d', i), record(ARGV[1], i)) end; return 'filled'"
)
SUM = (
    "local h = ARGV[1]; for i = ARGV[2], ARGV[3] do"
    " h = redis.sha1hex(h .. redis.call('GET', string.format('k%012d', i))) end; return h"
)
# Records a script: each takes another start of the client, and keeps the server from answering.
CHUNK = 20_000


def record(seed: int, i: int) -> str:
    """The value of a key."""
    x = (seed * 7919 + i * 104729) % _MODULUS
    numbers = []
    for _ in range(10):
        x = x * _FACTOR % _MODULUS
        numbers.append(x)
    return TEMPLATE % tuple(numbers)


def chained(seed: int, records: int) -> str:
    """A digest in which every byte of every value has a part."""
    digest = str(seed)
    for i in range(records):
        digest = hashlib.sha1((digest + record(seed, i)).encode()).hexdigest()
    return digest


class Valkey:
    """Debian's Valkey: a server that writes nothing to disk, clients over its socket."""

    name = "valkey"

    def settings(self, guest: str) -> Mapping[str, Scalar]:
        return needs_disk(guest)

    def start(self, guest: Guest, setup: Setup, *, prefix: Sequence[str] = ()) -> RunningValkey:
        mount(guest)
        require_arm64(guest, f"{ROOT}{SERVER}")
        words = [SERVER, "--port", "0", "--unixsocket", SOCKET, "--save", "", "--appendonly", "no"]
        command = shlex.join([*prefix, *in_root(*words, "--dir", "/tmp")])
        pid = guest_run(guest, f"setsid {command} > {SAID} 2>&1 < /dev/null & echo $!")
        records = setup.mib * (1 << 20) // RECORD_BYTES
        requests = max(1, int(REQUESTS * setup.work))
        running = RunningValkey(guest, int(pid), setup.seed, records, requests)
        with stopped_on_error(running):
            running.wait_up()
            for first in range(0, records, CHUNK):
                last = min(first + CHUNK, records) - 1
                running.client("EVAL", FILL, "0", str(setup.seed), str(first), str(last))
        return running


@dataclass(frozen=True, slots=True)
class RunningValkey:
    """A server with its records."""

    guest: Guest
    pid: int
    seed: int
    records: int
    requests: int
    name: str = Valkey.name

    def wait_up(self) -> None:
        """Wait until it answers. Raises GuestError with what it said when it never does."""
        deadline = Deadline(STARTED_S)
        ping = shlex.join([*in_root(CLIENT, "-s", SOCKET), "PING"])
        while b"PONG" not in self.guest.shell.run(ping, timeout_s=STARTED_S).stdout:
            if deadline.expired:
                said = guest_run(self.guest, f"cat {SAID}").decode(errors="replace")
                raise GuestError(f"valkey does not answer: {said[-300:]}", where=self.guest.name)
            time.sleep(0.2)

    def client(self, *words: str) -> str:
        """One request by its client; the reply. Raises GuestError when the server is gone."""
        command = shlex.join([*in_root(CLIENT, "-s", SOCKET, "-e", "--raw"), *words])
        return guest_run(self.guest, command, timeout_s=REQUEST_TIMEOUT_S).decode().strip()

    def work(self) -> Result:
        words = [BENCHMARK, "-s", SOCKET, "-c", str(CLIENTS), "-n", str(self.requests), "-q"]
        words += ["-P", str(PIPELINE)]
        words += ["-r", str(self.records), "--seed", str(self.seed), "GET", "k__rand_int__"]
        command = shlex.join(["memload", "run", "--result", TOOK, "--", *in_root(*words)])
        out = guest_run(self.guest, f"{command} > {SAID}.work 2>&1; cat {TOOK}",
                        timeout_s=REQUEST_TIMEOUT_S)  # fmt: skip
        took, _ = parse_numbers(out, ("status", "signal", "hz", "ticks"), where=self.name)
        if took["status"] or took["signal"]:
            said = guest_run(self.guest, f"cat {SAID}.work").decode(errors="replace")
            raise GuestError(f"valkey's clients failed: {said[-300:]}", where=self.guest.name)
        return Result(self.requests, "requests", took["ticks"], took["hz"])

    def verify(self) -> int:
        found = str(self.seed)
        for first in range(0, self.records, CHUNK):
            last = min(first + CHUNK, self.records) - 1
            found = self.client("EVAL", SUM, "0", found, str(first), str(last))
        expected = chained(self.seed, self.records)
        same(found, expected, what="valkey, digest of all values", guest=self.guest)
        return self.records

    def stop(self) -> None:
        guest_run(
            self.guest,
            f"kill -9 -- -{self.pid} 2> /dev/null;"
            f" while kill -0 -- -{self.pid} 2> /dev/null; do sleep 0.1; done; rm -f {SOCKET}",
        )
