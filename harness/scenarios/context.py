# SPDX-License-Identifier: GPL-2.0-or-later
"""What the steps of one booted profile share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.errors import ScenarioFailed
from harness.report.books import (
    gained_by_lzo_kib,
    gained_kib,
    imbalance_pages,
    meta_bytes_per_page,
    store_density,
)
from harness.report.run import Scalar
from harness.report.runfolder import RunFolder
from harness.scenarios.bed import Bed, ControllerStats, Guest
from harness.scenarios.content import Corpus
from harness.scenarios.load import Load


@dataclass(slots=True)
class Context:
    """State of a run on one profile."""

    bed: Bed
    folder: RunFolder
    profile: str
    seed: int
    corpus: Corpus
    guests: Sequence[Guest]
    share: float = 1.0
    """Part of the work that falls to this profile."""
    loads: dict[str, Load] = field(default_factory=dict)
    samples: dict[str, dict[str, ControllerStats]] = field(default_factory=dict)
    verified: dict[str, int] = field(default_factory=dict)
    kills: dict[str, int] = field(default_factory=dict)
    """By lmkd, by guest, that were there before or are recorded."""
    trips: int = 0
    """Round trips without a mismatch."""
    cycle: int = 0
    active: bool = False
    """Whether the controller ever held a page compressed: else the run is no result."""

    check: Callable[[], None] = lambda: None
    """Raises when a sample by the clock showed that the books do not balance."""

    def next_cycle(self) -> int:
        """A cycle number that was not used before: content never repeats."""
        self.cycle += 1
        return self.cycle

    def sample(self, name: str, *, figures: bool = False) -> Mapping[str, ControllerStats]:
        """Read and record every guest's numbers; the books must balance.

        With ``figures`` also what the store's bars are about; say it where it is full.

        Raises ScenarioFailed when they do not, or when an object failed its check.
        """
        self.check()
        taken: dict[str, ControllerStats] = {}
        for guest in self.guests:
            stats = taken[guest.name] = guest.controller.stats()
            self.record(guest.name, name, stats)
            if figures:
                self._record_figures(guest, stats)
            self.active = self.active or stats.compressed > 0 or stats.committed > 0
        self.samples[name] = taken
        return taken

    def record(self, guest: str, sample: str, stats: ControllerStats, **own: Scalar) -> None:
        """Take a guest's numbers, with ``own`` labels, into memory over time; books must balance.

        Raises as ``sample`` does, with the numbers recorded.
        """
        labels: dict[str, Scalar] = {"guest": guest, "sample": sample, "profile": self.profile}
        labels |= own
        pages = ("nominal", "resident", "compressed", "zero", "same", "lzo", "store_pages")
        for key in (*pages, "table_pages", "discarded", "ballooned", "host_free", "reserve"):
            self.folder.metric(key, getattr(stats, key), "pages", **labels)
        self.folder.metric("stored_bytes", stats.stored_bytes, "bytes", **labels)
        self.folder.metric("gained", gained_kib(stats), "KiB", **labels)
        self.folder.metric("gained_by_lzo", gained_by_lzo_kib(stats), "KiB", **labels)
        for cause, count in stats.restores.items():
            self.folder.metric("restores", count, "pages", cause=cause, **labels)
        off = imbalance_pages(stats)
        where = f"{guest}, sample {sample}, profile {self.profile}"
        if off:
            raise ScenarioFailed(f"the books do not balance by {off} pages", where=where)
        if stats.corrupted:
            raise ScenarioFailed(f"{stats.corrupted} objects failed their check", where=where)

    def _record_figures(self, guest: Guest, stats: ControllerStats) -> None:
        labels = {"guest": guest.name, "profile": self.profile}
        density = store_density(stats)
        # A pool of a few pages says nothing about density.
        if density is not None and stats.store_pages >= 256:
            self.folder.metric("store_density", density, "ratio", **labels)
        if stats.compressed >= 256:
            per_page = meta_bytes_per_page(stats, guest.controller.classes())
            self.folder.metric("meta_bytes_per_page", per_page, "bytes", **labels)
