# SPDX-License-Identifier: GPL-2.0-or-later
"""The controller's books and verbs, through ``xen-memcompress`` in dom0.

Field names are those of struct xen_mem_compress_stats in Xen's public header mem_compress.h;
amounts are pages of 4 KiB unless the name says otherwise.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from harness.config.model import Compress
from harness.errors import HypervisorError
from harness.report.books import gained_kib
from harness.report.histogram import BUCKETS, Histogram
from harness.transport.base import Transport

__all__ = ["TOOL", "DomainController", "Histogram", "Stats", "StoredObject", "controller_present"]

TOOL = "/usr/sbin/xen-memcompress"
PAGE_KIB = 4
# Status of the tool when the hypervisor was built without the controller.
NO_CONTROLLER = 3
# A million pages take minutes under emulation.
BULK_S = 900.0


@dataclass(frozen=True, slots=True)
class Stats:
    """Struct xen_mem_compress_stats of one domain."""

    version: int
    flags: Mapping[str, bool]
    info: Mapping[str, bool]
    codec: str
    ticks_khz: int
    nominal: int
    resident: int
    compressing: int
    compressed: int
    discarded: int
    ballooned: int
    zero: int
    same: int
    lzo: int
    lz4: int
    stored_bytes: int
    store_pages: int
    table_pages: int
    meta_bytes: int
    host_total: int
    host_free: int
    reserve: int
    reserve_target: int
    restores: Mapping[str, int]
    nominated: int
    committed: int
    rejected: int
    cancelled: int
    freeze_failed: int
    no_memory: int
    collisions: int
    lost_races: int
    dropped: int
    refaults: int
    corrupted: int
    waits: int
    flushes: int
    sweeps: int
    splits: int
    requests: int
    scanned: int
    moved: int
    reclaims: int
    ages: tuple[int, ...]
    sweep_ms: int
    max_compressed: int
    max_store_pages: int
    weight: int
    min_age: int
    max_held: int
    low: int
    high: int
    background: int
    limited: int
    stretch: Mapping[str, int]
    """Longest stretches of the host's controller by what it did, in ticks, since boot."""
    reclaim_fault: int

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Stats:
        """From the tool's JSON. Raises HypervisorError when a field is missing."""
        names = [field.name for field in fields(cls)]
        missing = [name for name in names if name not in document]
        if missing:
            raise HypervisorError(
                f"the statistics lack {', '.join(missing)}",
                where=TOOL,
                hint="dom0's tool and this harness are of different versions: harness build",
            )
        values = {name: document[name] for name in names}
        values["ages"] = tuple(values["ages"])
        return cls(**values)

    @property
    def gained_kib(self) -> int:
        """Frames returned to Xen minus everything spent to get them; may be negative."""
        return gained_kib(self)

    @property
    def held(self) -> int:
        """Frames of the host that the domain costs."""
        return self.resident + self.store_pages + self.table_pages

    @property
    def restores_total(self) -> int:
        """Restores, whatever their cause."""
        return sum(self.restores.values())


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object of the store; ``codec`` is ``lzo``, ``lz4`` or, without an object, ``none``."""

    codec: str
    content: bytes


class DomainController:
    """``xen-memcompress`` for one domain."""

    def __init__(self, dom0: Transport, domid: int) -> None:
        self._dom0 = dom0
        self.domid = domid

    def enable(self, setup: Compress) -> None:
        """Switch the controller on; only before the domain first runs."""
        self._call("enable", str(self.domid), *_words(setup), f"max_held={setup.max_held}")

    def set(self, setup: Compress) -> None:
        """Change what enable set, but for ``enabled`` and ``max_held``: see ``limit_held``."""
        self._call("set", str(self.domid), *_words(setup))

    def limit_held(self, frames: int) -> None:
        """Let it hold so many frames of the host, store and tables included; 0: no limit."""
        self._call("set", str(self.domid), f"max_held={frames}")

    def set_watermarks(self, *, low: int, high: int) -> None:
        """Free pages of the host below which, and up to which, idle processors compress."""
        self._call("host", f"low={low}", f"high={high}")

    def disable(self) -> None:
        """Restore everything and take no more: the emergency exit."""
        self._call("disable", str(self.domid), timeout_s=BULK_S)

    def stats(self) -> Stats:
        """The domain's books."""
        return Stats.parse(self._json("show", str(self.domid)))

    def compress(self, *, min_age: int = 0, max_pages: int = 0) -> int:
        """Compress every eligible page at least that many sweeps old; pages compressed."""
        words = ["compress", str(self.domid)]
        words += ["--min-age", str(min_age)] if min_age else []
        words += ["--max", str(max_pages)] if max_pages else []
        return _count(self._json(*words, timeout_s=BULK_S), "compress")

    def restore(self) -> int:
        """Restore every compressed page; pages restored."""
        return _count(self._json("restore", str(self.domid), timeout_s=BULK_S), "restore")

    def sweep(self) -> None:
        """Age every page by one sweep, now."""
        self._call("sweep", str(self.domid), timeout_s=BULK_S)

    def histogram(self, name: str) -> Histogram:
        """One histogram, for example ``restore_lzo``; values in ticks of ``ticks_khz``."""
        return parse_histogram(self._json("histogram", str(self.domid), name), name)

    def states(self) -> bytes:
        """One state byte per gfn, from gfn 0 on."""
        return self._file("states", str(self.domid))[1]

    def dump_object(self, gfn: int) -> StoredObject:
        """The stored object of a compressed gfn, as it lies in the store."""
        document, content = self._file("dump-object", str(self.domid), f"{gfn:#x}")
        return StoredObject(str(document["codec"]), content)

    def classes(self) -> Sequence[Mapping[str, int]]:
        """The size classes of its store: struct xen_mem_compress_class, smallest first."""
        found: Sequence[Mapping[str, int]] = self._json("classes", str(self.domid))
        return found

    def _file(self, *words: str) -> tuple[Any, bytes]:
        """What a verb that writes a file says, and the file."""
        name = f"/tmp/xmc-{words[0]}-{self.domid}"
        # One command: a connection's round trip costs more than what it asks for.
        line = f"{shlex.join([TOOL, *words])} -o {name} --json && cat {name}"
        answer = self._run(f"{line}; s=$?; rm -f {name}; exit $s", words, timeout_s=BULK_S)
        said, _, content = answer.partition(b"\n")
        return _document(said, words), content

    def _json(self, *words: str, timeout_s: float = 60.0) -> Any:
        return _document(self._call(*words, "--json", timeout_s=timeout_s), words)

    def _call(self, *words: str, timeout_s: float = 60.0) -> bytes:
        return self._run([TOOL, *words], words, timeout_s=timeout_s)

    def _run(self, line: str | Sequence[str], words: Sequence[str], *, timeout_s: float) -> bytes:
        answer = self._dom0.run(line, timeout_s=timeout_s)
        if answer.status != 0:
            said = answer.stderr.decode("utf-8", "replace").strip()
            hint = "harness build xen && harness reboot" if answer.status == NO_CONTROLLER else ""
            raise HypervisorError(
                said or f"status {answer.status}",
                where=f"dom0: xen-memcompress {' '.join(words)}",
                hint=hint,
            )
        return answer.stdout


def _document(answer: bytes, words: Sequence[str]) -> Any:
    try:
        return json.loads(answer)
    except ValueError as error:
        raise HypervisorError(
            f"the answer is no JSON: {answer[:200]!r}", where=f"{TOOL} {' '.join(words)}"
        ) from error


def controller_present(dom0: Transport) -> bool:
    """Whether the running hypervisor has the controller."""
    answer = dom0.run([TOOL, "list", "--json"])
    if answer.status in (NO_CONTROLLER, 127):  # 127: the image has no such tool
        return False
    answer.check("dom0")
    return True


def parse_histogram(document: Mapping[str, Any], name: str) -> Histogram:
    """From the tool's JSON, alone or under its name. Raises HypervisorError if it is none."""
    found = document.get(name, document)
    try:
        buckets = [0] * BUCKETS
        given = found["buckets"]
        pairs = given.items() if isinstance(given, Mapping) else enumerate(given)
        for index, n in pairs:
            buckets[int(index)] = int(n)
        return Histogram(int(found["count"]), int(found["sum"]), int(found["max"]), buckets)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise HypervisorError(f"not a histogram: {error!r}", where=name) from error


def _words(setup: Compress) -> list[str]:
    return [
        f"sweep_ms={setup.sweep_ms}",
        f"crc={int(setup.crc)}",
        f"guest_ops={int(setup.guest_ops)}",
        f"sw_af={int(setup.sw_af)}",
        f"codec_only={int(setup.codec_only)}",
        f"codec={setup.codec}",
        f"max_compressed={setup.max_compressed}",
        f"max_store_pages={setup.max_store_pages}",
        f"weight={setup.weight}",
        f"min_age={setup.min_age}",
    ]


def _count(document: Any, verb: str) -> int:
    """Pages that a bulk verb worked on."""
    if isinstance(document, Mapping) and isinstance(document.get("done"), int):
        return int(document["done"])
    raise HypervisorError(f"no number of pages in {document!r}", where=f"{TOOL} {verb}")
