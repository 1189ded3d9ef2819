# SPDX-License-Identifier: GPL-2.0-or-later
"""Samples by the clock say who has each page, and a page that nobody has stops the run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.errors import HypervisorError
from harness.monitor.observe import parse_kernel
from harness.report.run import load_run
from harness.report.runfolder import RunFolder
from harness.scenarios.content import Corpus
from harness.scenarios.sampler import Sampler
from tests.unit.simulated_bed import SimGuest, SimObserver


@pytest.fixture
def observer(tmp_path: Path) -> SimObserver:
    for name in ("text", "code", "pointer"):
        (tmp_path / name).write_bytes(np.arange(9000, dtype=np.uint8).tobytes())
    return SimObserver(SimGuest(Corpus.load(tmp_path)))


def sampler(observer: SimObserver, folder: RunFolder) -> Sampler:
    return Sampler(observer, folder, profile="default", every_s=0.01)


def test_a_sample_records_everybodys_pages(observer: SimObserver, tmp_path: Path) -> None:
    with RunFolder("demo", seed=1, out=tmp_path / "r") as folder:
        sampler(observer, folder).sample()
    found = {(m.name, m.labels.get("guest")): m.value for m in load_run(tmp_path / "r").metrics}
    assert found["resident", "linux"] == 10_000
    assert found["kernel_populated", "linux"] == 40_000
    assert found["pressure_requests", "linux"] == 3
    assert found["pressure_gained", "linux"] == 900
    assert found["host_xen_own", None] == 20_000 - 500 - 10_000 - 10 - (20_000 - 1000 - 10_000 - 10)


def test_pages_that_nobody_has_any_more_stop_the_run(observer: SimObserver, tmp_path: Path) -> None:
    with RunFolder("demo", seed=1, out=tmp_path / "r") as folder:
        one = sampler(observer, folder)
        one.sample()
        observer.lost = 400
        with pytest.raises(HypervisorError, match=r"\+400 pages of the board belong to nobody"):
            one.sample()


def test_a_kernel_that_counts_otherwise_is_named(observer: SimObserver, tmp_path: Path) -> None:
    observer.guest.ballooned = 300
    with (
        RunFolder("demo", seed=1, out=tmp_path / "r") as folder,
        pytest.raises(HypervisorError, match=r"linux has 9700 pages by Xen's books and 10000"),
    ):
        sampler(observer, folder).sample()


def test_evidence_is_taken_once_and_the_error_is_there_for_who_asks(
    observer: SimObserver, tmp_path: Path
) -> None:
    taken: list[int] = []
    with RunFolder("demo", seed=1, out=tmp_path / "r") as folder:
        one = Sampler(observer, folder, profile="p", every_s=0.01, evidence=lambda: taken.append(1))
        observer.guest.unbalanced = 3
        one.start()
        one._thread.join(10)
        one.stop()
        with pytest.raises(HypervisorError, match="do not balance by 3"):
            one.check()
    assert taken == [1]


def test_a_kernels_words_become_numbers() -> None:
    text = "65520\nMemTotal: 60000 kB\nMemFree: 10 kB\nMemAvailable: 20 kB\n"
    text += "SwapTotal: 100 kB\nSwapFree: 40 kB\n"
    assert parse_kernel(text)["swapped"] == 60
