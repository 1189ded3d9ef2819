# SPDX-License-Identifier: GPL-2.0-or-later
"""What happened between two looks, for people and for Prometheus."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import pytest
from prometheus_client import generate_latest
from rich.console import Console

from harness.errors import MachineError
from harness.hypervisor.memcompress import Stats
from harness.monitor.exporter import registry
from harness.monitor.snapshot import Snapshot, lines
from harness.monitor.top import table
from harness.report.histogram import Histogram
from harness.report.sight import Sight


def stats(**given: Any) -> Stats:
    values: dict[str, Any] = {field.name: 0 for field in dataclasses.fields(Stats)}
    values |= {"ticks_khz": 1000, "nominal": 16384, "restores": {"data": 0}, "ages": (), **given}
    return Stats(**values)


def snapshot(at_s: float, one: Stats, ticks: list[int]) -> Snapshot:
    kernels = {"linux": {"available": 1024}}
    sight = Sight(total=262144, free=1000, reserve=10, dom0=1, domains={}, kernels=kernels)
    histograms = {"linux": {"restore_lzo": Histogram.of(ticks), "compress": Histogram.of([5])}}
    return Snapshot(at_s, sight, {"linux": one}, histograms)


BEFORE = snapshot(10.0, stats(committed=100, restores={"data": 50, "insn": 1}), [8] * 50)
NOW = snapshot(
    12.0,
    stats(committed=300, lzo=150, compressed=150, restores={"data": 90, "insn": 5}),
    [8] * 50 + [4000] * 44,
)


def test_rates_and_latency_are_those_since_the_look_before() -> None:
    (line,) = lines(BEFORE, NOW)
    assert (line.restored_per_s, line.compressed_per_s) == (22, 100)
    assert line.p50_us == pytest.approx(4000, rel=1 / 32)
    assert line.available_kib == 1024
    text = io.StringIO()
    Console(file=text, width=80).print(table("x", NOW, [line]))
    row = next(row for row in text.getvalue().splitlines() if "linux" in row)
    # Nothing is cut in 80 columns.
    assert row.split() == ["linux", "64", "0.0", "0.6", "150", "22", "100", "4032", "4032", "1.0"]


def test_prometheus_is_told_in_bytes_and_seconds() -> None:
    text = generate_latest(registry(lambda: NOW)).decode()
    for wanted in (
        "xen_testbed_up 1.0",
        "xen_host_memory_total_bytes 1.073741824e+09",
        'xen_domain_nominal_bytes{domain="linux"} 6.7108864e+07',
        'xen_domain_memcompress_pages{domain="linux",kind="lzo"} 150.0',
        'xen_domain_memcompress_restores_total{cause="insn",domain="linux"} 5.0',
        'xen_domain_memcompress_compressed_pages_total{domain="linux"} 300.0',
        'xen_domain_memcompress_restore_seconds_count{domain="linux",kind="codec"} 94.0',
        'restore_seconds_bucket{domain="linux",kind="codec",le="1.6e-05"} 50.0',
        'restore_seconds_bucket{domain="linux",kind="codec",le="0.0041"} 94.0',
    ):
        assert wanted in text, wanted


def test_a_testbed_that_does_not_answer_is_down() -> None:
    def gone() -> Snapshot:
        raise MachineError("gone")

    assert generate_latest(registry(gone)).decode().strip().endswith("xen_testbed_up 0.0")
