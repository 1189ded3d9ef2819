# SPDX-License-Identifier: GPL-2.0-or-later
"""What a scenario needs of a testbed, as Protocols.

Scenarios see only this: which guests there are, how to run a command in one, and what the
controller does for its domain. ``harness.scenarios.live`` makes it from the real testbed; the
unit tests make it from a small simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from harness.config.model import Compress
from harness.hypervisor import StoredObject
from harness.report.books import Stats
from harness.report.histogram import Histogram
from harness.report.run import Scalar
from harness.report.sight import Sight


class Completed(Protocol):
    """A command that ended."""

    @property
    def status(self) -> int: ...
    @property
    def stdout(self) -> bytes: ...
    @property
    def stderr(self) -> bytes: ...


class Shell(Protocol):
    """Runs commands in one machine; a lost connection raises, an exit status does not."""

    def run(self, command: str, *, timeout_s: float) -> Completed: ...


class ControllerStats(Stats, Protocol):
    """More of ``struct xen_mem_compress_stats``."""

    @property
    def ticks_khz(self) -> int: ...
    @property
    def committed(self) -> int: ...
    @property
    def rejected(self) -> int: ...
    @property
    def requests(self) -> int: ...
    @property
    def corrupted(self) -> int: ...
    @property
    def reserve(self) -> int: ...
    @property
    def moved(self) -> int: ...
    @property
    def scanned(self) -> int: ...
    @property
    def sweeps(self) -> int: ...
    @property
    def held(self) -> int: ...
    @property
    def host_total(self) -> int: ...
    @property
    def background(self) -> int: ...
    @property
    def limited(self) -> int: ...
    @property
    def waits(self) -> int: ...
    @property
    def stretch(self) -> Mapping[str, int]: ...
    @property
    def reclaim_fault(self) -> int: ...


class Controller(Protocol):
    """``xen-memcompress`` for one domain."""

    def stats(self) -> ControllerStats: ...
    def compress(self, *, min_age: int = 0, max_pages: int = 0) -> int:
        """Compress what is old enough; pages compressed."""
        ...

    def restore(self) -> int:
        """Restore everything; pages restored."""
        ...

    def set(self, setup: Compress) -> None:
        """Change how it was switched on; ``enabled`` is not looked at."""
        ...

    def sweep(self) -> None:
        """Age every page by one sweep."""
        ...

    def histogram(self, name: str) -> Histogram: ...
    def states(self) -> bytes:
        """State byte of each gfn, from gfn 0 on."""
        ...

    def classes(self) -> Sequence[Mapping[str, int]]:
        """Size classes of the store: struct xen_mem_compress_class."""
        ...

    def dump_object(self, gfn: int) -> StoredObject:
        """The stored object of one page."""
        ...


class Guest(Protocol):
    """One guest of the testbed."""

    @property
    def name(self) -> str: ...
    @property
    def shell(self) -> Shell: ...
    @property
    def controller(self) -> Controller: ...
    @property
    def vcpus(self) -> int: ...
    @property
    def memory_mib(self) -> int:
        """Nominal."""
        ...

    @property
    def compression(self) -> Compress:
        """How the controller was switched on for its domain."""
        ...

    def set_slice(self, mib: int) -> None:
        """Let it hold so much of the host's memory, and wait until it holds no more."""
        ...


class Observer(Protocol):
    """Looks at all of a testbed; safe to use beside the steps."""

    def look(self) -> Sight:
        """Xen's and dom0's view."""
        ...

    def kernels(self) -> Mapping[str, Mapping[str, int]]:
        """What each guest's kernel says, in KiB, by name; who does not answer is left out."""
        ...

    @property
    def pressure(self) -> Mapping[str, Mapping[str, int]]:
        """How each guest fared for memory when its kernel was last asked, by name."""
        ...

    def emulator(self) -> tuple[int | None, int | None]:
        """Size of the board, and QEMU's resident memory, in KiB."""
        ...


class Bed(Protocol):
    """A booted testbed."""

    @property
    def guests(self) -> Mapping[str, Guest]: ...
    @property
    def corpus_dir(self) -> Path: ...
    @property
    def symbols(self) -> Path:
        """The ELF file of the Xen that runs."""
        ...

    def describe(self, *also: str) -> tuple[Mapping[str, str | int], Mapping[str, str]]:
        """Dimensions and hashes for the run folder; also of these guests, which do not run."""
        ...

    @property
    def config(self) -> Mapping[str, Any]:
        """Its whole profile, overrides applied."""
        ...

    def consoles(self) -> Mapping[str, Path]:
        """Console logs by name."""
        ...

    @property
    def started_s(self) -> float:
        """Calendar time at which the clock of its consoles and events began."""
        ...

    @property
    def events(self) -> Path:
        """Its own event log: states, and what QEMU said."""
        ...

    def observing(self) -> AbstractContextManager[Observer]:
        """An observer with connections of its own."""
        ...

    def supervise(self, *, check: Callable[[], None], tell: Callable[..., None]) -> None:
        """From now on ``check`` is called while commands run, to end them by raising, and
        ``tell(kind, **fields)`` after each."""
        ...

    def beside(self, settings: Mapping[str, Scalar]) -> AbstractContextManager[Mapping[str, Guest]]:
        """The guests of a second testbed: the same, but for these keys of its profile."""
        ...

    @property
    def startable(self) -> Sequence[str]:
        """Guests of the profile that were not started with it."""
        ...

    def start(self, *names: str, controlled: bool = True) -> Sequence[Guest]:
        """Start such guests, and wait until all answer; with or without the controller."""
        ...

    def stop(self, *names: str) -> None:
        """End guests that ``start`` has started."""
        ...

    def alone(self, guest: str, settings: Mapping[str, Scalar]) -> AbstractContextManager[Guest]:
        """A guest of the profile, with these keys changed, on the board itself without Xen."""
        ...

    def without_controller(self) -> AbstractContextManager[Mapping[str, Guest]]:
        """The guests of a second testbed: the same, on a Xen built without the controller."""
        ...

    def push_hostile(self, guest: str) -> None:
        """Put xmc_hostile.ko into a guest's /tmp."""
        ...

    def qmp(self, command: str, arguments: Mapping[str, Any]) -> Any: ...
    def dom0(self) -> Shell: ...
