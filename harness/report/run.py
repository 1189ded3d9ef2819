# SPDX-License-Identifier: GPL-2.0-or-later
"""A run folder as it is read back; ``runfolder`` says what is in one."""

from __future__ import annotations

import enum
import fcntl
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from harness.errors import HarnessError, UsageError
from harness.report.provenance import reproduce

SCHEMA = 2
Scalar: TypeAlias = str | int | float | bool | None


class RunState(enum.StrEnum):
    """How far a run came. Only ``passed`` is a result to compare with others."""

    PARTIAL = "partial"
    PASSED = "passed"
    FAILED = "failed"
    INACTIVE = "inactive"  # nothing was compressed: not a result


@dataclass(frozen=True, slots=True)
class Metric:
    """One line of metrics.jsonl."""

    t_s: float
    name: str
    value: float
    unit: str
    labels: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Run:
    """A run folder as read back."""

    path: Path
    info: Mapping[str, Any]
    metrics: tuple[Metric, ...]
    histograms: tuple[Mapping[str, Any], ...] = ()
    """Lines of histograms.jsonl."""

    @property
    def state(self) -> RunState:
        return RunState(self.info["state"])

    @property
    def dimensions(self) -> Mapping[str, Scalar]:
        dimensions: Mapping[str, Scalar] = self.info["dimensions"]
        return dimensions

    @property
    def seed(self) -> Scalar:
        return self.dimensions.get("seed")

    @property
    def reproduce(self) -> str:
        """The command that repeats it."""
        return reproduce(self.info["command_line"])

    def goes_on(self) -> bool:
        """Whether a partial run's process is still at it; else it was killed in the middle."""
        if self.state is not RunState.PARTIAL:
            return False
        try:
            with (self.path / "events.jsonl").open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        return False


def load_run(path: Path) -> Run:
    """Read a run folder. Raises UsageError when it is none, or of another schema."""
    try:
        info = json.loads((path / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"not a run folder: {error}", where=str(path), hint="ls runs/") from error
    if info.get("schema") != SCHEMA:
        raise UsageError(
            f"run folder of schema {info.get('schema')}, this harness reads {SCHEMA}",
            where=str(path / "run.json"),
            hint="repeat the run, or read it with the harness that wrote it",
        )
    try:
        RunState(info["state"]), info["dimensions"], info["hashes"], info["command_line"]
    except (KeyError, ValueError) as error:
        raise UsageError(
            f"run.json is damaged: {error}", where=str(path / "run.json"), hint="repeat the run"
        ) from error
    metrics = [_metric(record) for record in _read_lines(path / "metrics.jsonl")]
    return Run(path, info, tuple(metrics), tuple(_read_lines(path / "histograms.jsonl")))


def resumable(path: Path, *, scenario: str, seed: int) -> Mapping[str, Any]:
    """run.json of a run that can be gone on with. Raises UsageError when it cannot."""
    run = load_run(path)
    where = str(path)
    if run.state is RunState.PASSED:
        raise UsageError("this run has come to its end", where=where, hint="--out NEW")
    if run.goes_on():
        raise UsageError("this run is still going on", where=where)
    if (run.info["scenario"], run.seed) != (scenario, seed):
        raise UsageError(
            f"this is a run of {run.info['scenario']} with seed {run.seed}",
            where=where,
            hint=f"not of {scenario} with seed {seed}: --out NEW",
        )
    return run.info


def _metric(record: Mapping[str, Any]) -> Metric:
    return Metric(
        record["t_s"], record["name"], record["value"], record["unit"], record.get("labels", {})
    )


def _read_lines(path: Path) -> list[dict[str, Any]]:
    records = []
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(json.loads(line))
        except ValueError as error:
            if number == len(lines):
                break  # the last line of a run that was killed while writing
            raise HarnessError(
                f"damaged {path.name}: {error}", where=f"{path}:{number}", hint="repeat the run"
            ) from error
    return records
