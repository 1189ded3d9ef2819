# SPDX-License-Identifier: GPL-2.0-or-later
"""Ours, and ours with one part of it off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from harness.scenarios.bed import Guest
from harness.scenarios.driver import CONFIG, start_daemon, with_driver, without_driver
from harness.scenarios.load import driver_write, guest_run
from harness.scenarios.techniques.base import Technique, rest

# How often every page grows older by one, where the profile does not say.
SWEEP_MS = 500
OWN_CONFIG = "/run/ablation.conf"


@dataclass(frozen=True)
class MemCompress(Technique):
    """Driver, daemon and controller; a part of them may be off.

    off:        name of what is off
    ages:       pages grow older, and the oldest go first
    same:       of a page of one repeated word the word is kept, without the codec
    parameters: of the driver, when it is loaded
    daemon:     keys of memcompressd's configuration; None for no daemon
    """

    off: str = ""
    ages: bool = True
    same: bool = True
    parameters: str = ""
    daemon: Mapping[str, int] | None = field(default_factory=dict)
    counted = "compressed_pages"

    @property
    def name(self) -> str:
        return f"mem-compress:{self.off}" if self.off else "mem-compress"

    def set_up(self, guest: Guest) -> None:
        sweep_ms = (guest.compression.sweep_ms or SWEEP_MS) if self.ages else 0
        setup = replace(guest.compression, sweep_ms=sweep_ms, codec_only=not self.same)
        guest.controller.set(setup)
        with_driver(guest, parameters=self.parameters, daemon=False)
        if not self.ages:
            driver_write(guest, "grow_age", "0")
        if self.daemon is not None:
            keys = "".join(f"\n{key} = {value}" for key, value in self.daemon.items())
            guest_run(guest, f"cat {CONFIG} > {OWN_CONFIG}; echo '{keys}' >> {OWN_CONFIG}")
            start_daemon(guest, "-c", OWN_CONFIG)

    def tear_down(self, guest: Guest) -> None:
        without_driver(guest)
        rest(guest)

    def counters(self, guest: Guest) -> dict[str, int]:
        stats = guest.controller.stats()
        return {
            "compressed_pages": stats.committed,
            "restored_pages": sum(stats.restores.values()),
            "rejected_pages": stats.rejected,
            "scanned_pages": stats.scanned,
            "discarded_pages": stats.discarded,
            "store_pages": stats.store_pages,
        }


ABLATIONS = (
    # Without sweeps all pages are of one age: the first that are found go first.
    MemCompress(off="no-ageing", ages=False, daemon={"min_age": 0}),
    # Pages of one repeated word are objects of the codec like any other.
    MemCompress(off="no-same-filled", same=False),
    # Nothing comes back before it is touched.
    MemCompress(off="no-hints", daemon={"hint": 0}),
    # What is free in the guest keeps its frames.
    MemCompress(off="no-discard", parameters="report=0"),
    # The driver goes through all of the guest's memory: nobody names a process.
    MemCompress(off="whole-memory-scan", daemon=None),
)
