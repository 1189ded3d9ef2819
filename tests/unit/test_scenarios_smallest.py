# SPDX-License-Identifier: GPL-2.0-or-later
"""The smallest memory is found by bisection, and what proves nothing is no result."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.config import load_profile
from harness.errors import GuestError, ScenarioFailed, UsageError
from harness.machine.alone import AloneFiles, alone_argv
from harness.report.run import load_run
from harness.report.runfolder import RunFolder
from harness.report.timeline import read_events
from harness.scenarios.compared import MinimumMemory
from harness.scenarios.content import Corpus
from harness.scenarios.context import Context
from harness.scenarios.smallest import bisect, minimum_memory
from tests.unit.simulated_bed import SimBed, SimGuest, SimStats

STEP = MinimumMemory(do="minimum-memory", guest="linux", low_mib=10, high_mib=40, nominal_mib=64)


@pytest.mark.parametrize(("least", "step"), [(11, 1), (27, 1), (40, 1), (27, 4)])
def test_the_smallest_that_serves_is_found_within_a_step(least: int, step: int) -> None:
    found = bisect(10, 40, step, lambda mib: mib >= least)
    assert found is not None
    smallest, largest_not = found
    assert largest_not < least <= smallest <= largest_not + step


def test_nothing_is_found_where_even_the_most_is_too_little() -> None:
    assert bisect(10, 40, 1, lambda mib: False) is None


class Held(SimStats):
    """A guest that holds so many frames."""

    def __init__(self, held: int) -> None:
        super().__init__(committed=7)
        self._held = held

    @property
    def held(self) -> int:
        return self._held


@dataclass
class Needy(SimBed):
    """A bed whose guests boot from so many MiB on, by mode."""

    least: dict[str, int] = field(default_factory=dict)
    refuses: int = 0
    """Less than this no profile may say; what it says instead is wrong otherwise."""
    wrong: str = "guests.linux.memory_mib"
    config: Mapping[str, Any] = field(
        default_factory=lambda: {"guests": {"linux": {"kind": "linux"}, "other": {"kind": "linux"}}}
    )

    @contextmanager
    def alone(self, guest: str, settings: Mapping[str, Any]) -> Iterator[SimGuest]:
        yield self._booted("native", settings["guests.linux.memory_mib"])

    @contextmanager
    def beside(self, settings: Mapping[str, Any]) -> Iterator[Mapping[str, SimGuest]]:
        assert settings["guests.linux.enabled"]
        assert not settings["guests.other.enabled"]
        size = settings["guests.linux.memory_mib"]
        if settings["guests.linux.compress.enabled"]:
            assert size == STEP.nominal_mib
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(
                    self.guest, "set_slice", lambda mib: self._booted("compressed", mib)
                )
                yield {"linux": self.guest}
        else:
            yield {"linux": self._booted("virtualized", size)}

    def _booted(self, mode: str, mib: int) -> SimGuest:
        if mib < self.refuses:
            raise UsageError("no linux guest boots in less", where=f"--set: {self.wrong}")
        if mib < self.least[mode]:
            raise GuestError("Kernel panic")
        return self.guest


def measure(
    tmp_path: Path,
    step: MinimumMemory = STEP,
    *,
    lost_page: int | None = None,
    refuses: int = 0,
    wrong: str = "guests.linux.memory_mib",
    **least: int,
) -> dict[Any, float]:
    rng = np.random.default_rng(2)
    for name in ("text", "code", "pointer"):
        (tmp_path / name).write_bytes(rng.integers(0, 256, 9000, dtype=np.uint8).tobytes())
    corpus = Corpus.load(tmp_path)
    guest = SimGuest(corpus)
    guest.ballooned = 9000  # of 10 000 pages: it holds 4 MiB
    guest.lost_page = lost_page
    needs = {"native": 12, "virtualized": 30, "compressed": 20} | least
    bed = Needy(guest, tmp_path, least=needs, refuses=refuses, wrong=wrong)
    with RunFolder("x", seed=1, out=tmp_path / "run") as folder:
        ctx = Context(bed, folder, "default", 1, corpus, [guest])
        minimum_memory(ctx, step)
    metrics = load_run(tmp_path / "run").metrics
    return {m.labels["mode"]: m.value for m in metrics if m.name == "minimum_memory"}


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it waited each time; time passes only then."""
    waited: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: sum(waited), sleep=waited.append)
    monkeypatch.setattr("harness.scenarios.smallest.time", clock)
    return waited


COMPRESSED = STEP.model_copy(update={"modes": ("compressed",)})


def test_a_slice_is_soft_but_not_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    """Its looks at 20 MiB: it comes back after the first time, and after it served again."""
    limit = 20 * 256
    held = itertools.chain([limit + 900, limit, limit + 500, limit], itertools.repeat(limit))
    monkeypatch.setattr(SimGuest, "stats", lambda self: Held(next(held)))
    found = measure(tmp_path, COMPRESSED.model_copy(update={"low_mib": 18, "high_mib": 20}))
    assert found == {"compressed": 20}
    recorded = {m.name: m for m in load_run(tmp_path / "run").metrics}
    assert recorded["minimum_memory_held"].value == limit
    assert recorded["minimum_memory_peak"].value == limit + 900
    assert waits == [0.5, 0.5]


def test_a_guest_that_does_not_come_back_to_its_slice_does_not_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    monkeypatch.setattr(SimGuest, "stats", lambda self: Held(20 * 256 + 200))
    with pytest.raises(ScenarioFailed, match="does not serve in 20 MiB"):
        measure(tmp_path, COMPRESSED.model_copy(update={"low_mib": 19, "high_mib": 20}))
    assert sum(waits) == 20
    (probe,) = [e for e in read_events(tmp_path / "run/events.jsonl") if e["kind"] == "probe"]
    assert "held 5320 frames after 20 s in a slice of 5222" in probe["why"]


def test_the_run_says_which_guest_was_measured(tmp_path: Path) -> None:
    measure(tmp_path, STEP.model_copy(update={"modes": ("native",)}))
    dimensions = load_run(tmp_path / "run").dimensions
    assert (dimensions["linux_mib"], dimensions["linux_vcpus"]) == (64, 2)


def test_each_mode_has_its_own(tmp_path: Path) -> None:
    step = STEP.model_copy(update={"modes": ("native", "virtualized")})
    assert measure(tmp_path, step) == {"native": 12, "virtualized": 30}


def test_a_column_with_compression_in_which_nothing_was_compressed_is_none(tmp_path: Path) -> None:
    step = STEP.model_copy(update={"modes": ("compressed",)})
    with pytest.raises(ScenarioFailed, match="nothing was compressed"):
        measure(tmp_path, step)


def test_a_guest_that_never_fails_says_that_the_range_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ScenarioFailed, match="with less nothing was tried"):
        measure(tmp_path, native=1)


def test_what_no_profile_may_say_is_no_probe(tmp_path: Path) -> None:
    step = STEP.model_copy(update={"modes": ("native",)})
    (tmp_path / "seen").mkdir()
    assert measure(tmp_path / "seen", step, refuses=20, native=26) == {"native": 26}
    with pytest.raises(ScenarioFailed, match="20 MiB, and with less nothing was tried"):
        measure(tmp_path, step, refuses=20, native=15)


def test_a_profile_that_is_wrong_otherwise_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="boots in less"):
        measure(tmp_path, refuses=20, wrong="board.memory_mib")


def test_a_guest_that_never_serves_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ScenarioFailed, match="does not serve in 40 MiB"):
        measure(tmp_path, native=41)


def test_an_unknown_guest_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no guest phone") as caught:
        measure(tmp_path, STEP.model_copy(update={"guest": "phone"}))
    assert "linux" in caught.value.hint


def test_content_that_changed_is_not_a_guest_that_does_not_serve(tmp_path: Path) -> None:
    with pytest.raises(ScenarioFailed, match="differ"):
        measure(tmp_path, lost_page=3)


def test_alone_there_is_no_xen_and_no_device_too_many() -> None:
    profile = load_profile("default").profile
    files = AloneFiles(Path("/built/Image"), initrd=Path("/built/initrd"))
    linux = profile.guests["linux"]
    argv = alone_argv(linux, profile.board, files, ssh_port=2200, public_key="AAAAKEY")
    words = " ".join(argv)
    assert "-m 64M" in words
    assert "virtualization" not in words
    assert "its=off" in words
    assert "hostfwd=tcp:127.0.0.1:2200-10.0.2.21:22" in words
    assert [w for w in argv if w.startswith("virtio")] == [
        "virtio-net-device,netdev=net0",
        "virtio-rng-device",
    ]


def test_alone_the_android_guest_has_its_disk() -> None:
    profile = load_profile("default", overrides=["guests.android.enabled=true"]).profile
    files = AloneFiles(Path("/built/Image"), disk=Path("/tmp/a,b.qcow2"))
    android = profile.guests["android"]
    argv = alone_argv(android, profile.board, files, ssh_port=2200, public_key="AAAAKEY")
    assert any(word.endswith("file=/tmp/a,,b.qcow2") for word in argv)
    assert "root=/dev/vda rw init=/init" in argv[argv.index("-append") + 1]
