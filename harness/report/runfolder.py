# SPDX-License-Identifier: GPL-2.0-or-later
"""The run folder: everything a run leaves behind, readable before it is complete.

    runs/20260131-142501-first-light/
        run.json        what ran, on what, how it ended (``state`` is "partial" until then)
        metrics.jsonl   one value a line: t_s, name, value, unit, labels
        events.jsonl    one event a line: t_s, kind, fields
        consoles/       the console logs of the testbed, copied when the run ends

``t_s`` is seconds on one monotonic clock that starts with the run; ``run.json`` says when that
was in calendar time. A value's dimensions are its own labels plus ``dimensions`` of run.json.
"""

from __future__ import annotations

import datetime
import enum
import json
import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from harness.errors import HarnessError, UsageError
from harness.paths import runs_dir

SCHEMA = 1
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


class RunFolder:
    """Writes a run folder; a context manager that records how the block ended.

    Leaving the block normally marks the run passed unless ``finish`` was called, an exception
    marks it failed with the message. A killed process leaves ``partial``, which is true as well.
    """

    def __init__(
        self,
        scenario: str,
        *,
        seed: int,
        out: Path | None = None,
        command_line: Sequence[str] | None = None,
    ) -> None:
        """Create the folder: ``out``, which must not exist or be empty, or one under runs/."""
        now = datetime.datetime.now(datetime.UTC)
        self.path = out or _free_name(runs_dir(), f"{now:%Y%m%d-%H%M%S}-{scenario}")
        if self.path.exists() and any(self.path.iterdir()):
            raise UsageError("the run folder is not empty", where=str(self.path), hint="--out NEW")
        self.path.mkdir(parents=True, exist_ok=True)
        self._start_s = time.monotonic()
        self._run: dict[str, Any] = {
            "schema": SCHEMA,
            "scenario": scenario,
            "state": RunState.PARTIAL.value,
            "started": now.isoformat(timespec="milliseconds"),
            "finished": None,
            "duration_s": None,
            "command_line": list(command_line if command_line is not None else sys.argv),
            "dimensions": {"scenario": scenario, "seed": seed, "technique": "mem-compress"},
            "hashes": {},
            "failure": None,
        }
        self._metrics = (self.path / "metrics.jsonl").open("a", encoding="utf-8")
        self._events = (self.path / "events.jsonl").open("a", encoding="utf-8")
        self._write_run()

    @property
    def elapsed_s(self) -> float:
        """Seconds on the run's clock."""
        return time.monotonic() - self._start_s

    def describe(
        self,
        *,
        dimensions: Mapping[str, Scalar] | None = None,
        hashes: Mapping[str, str] | None = None,
    ) -> None:
        """Add what the run ran on, as soon as it is known."""
        self._run["dimensions"].update(dimensions or {})
        self._run["hashes"].update(hashes or {})
        self._write_run()

    def metric(self, name: str, value: float, unit: str, **labels: Scalar) -> None:
        """Record one value, at once on disk."""
        record = {"t_s": round(self.elapsed_s, 6), "name": name, "value": value, "unit": unit}
        _append(self._metrics, record | ({"labels": labels} if labels else {}))

    def event(self, kind: str, **fields: Any) -> None:
        """Record that something happened."""
        _append(self._events, {"t_s": round(self.elapsed_s, 6), "kind": kind} | fields)

    def add_consoles(self, logs: Mapping[str, Path]) -> None:
        """Copy console logs into the folder under their names."""
        folder = self.path / "consoles"
        folder.mkdir(exist_ok=True)
        for name, log in logs.items():
            if log.exists():
                shutil.copyfile(log, folder / f"{name}.log")

    def finish(self, state: RunState, *, failure: BaseException | None = None) -> None:
        """Say how it ended; later calls change nothing (the first failure is kept)."""
        if self._run["state"] != RunState.PARTIAL:
            return
        if failure is not None:
            self._run["failure"] = {
                "type": type(failure).__name__,
                "message": str(failure),
                "exit_code": getattr(failure, "exit_code", 1),
                "context": [str(line) for line in getattr(failure, "context", ())],
            }
        self._run["state"] = state.value
        self._run["finished"] = datetime.datetime.now(datetime.UTC).isoformat(
            timespec="milliseconds"
        )
        self._run["duration_s"] = round(self.elapsed_s, 3)
        self._metrics.close()
        self._events.close()
        self._write_run()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.finish(RunState.PASSED)
        else:
            self.finish(RunState.FAILED, failure=error)

    def _write_run(self) -> None:
        # Written beside and renamed: a reader never sees half of it.
        temporary = self.path / ".run.json"
        temporary.write_text(json.dumps(self._run, indent=2) + "\n", encoding="utf-8")
        os.replace(temporary, self.path / "run.json")


@dataclass(frozen=True, slots=True)
class Run:
    """A run folder as read back."""

    path: Path
    info: Mapping[str, Any]
    metrics: tuple[Metric, ...]

    @property
    def state(self) -> RunState:
        return RunState(self.info["state"])

    @property
    def dimensions(self) -> Mapping[str, Scalar]:
        dimensions: Mapping[str, Scalar] = self.info["dimensions"]
        return dimensions


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
        )
    return Run(path, info, tuple(_read_metrics(path / "metrics.jsonl")))


def _read_metrics(path: Path) -> list[Metric]:
    metrics = []
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
        except ValueError as error:
            if number == len(lines):
                break  # the last line of a run that was killed while writing
            raise HarnessError(
                f"damaged metrics: {error}", where=f"{path}:{number}", hint="repeat the run"
            ) from error
        metrics.append(
            Metric(
                record["t_s"],
                record["name"],
                record["value"],
                record["unit"],
                record.get("labels", {}),
            )
        )
    return metrics


def _append(file: Any, record: Mapping[str, Any]) -> None:
    file.write(json.dumps(record) + "\n")
    file.flush()


def _free_name(folder: Path, name: str) -> Path:
    # Two runs may start in one second, in one checkout.
    path, n = folder / name, 1
    while path.exists():
        n += 1
        path = folder / f"{name}-{n}"
    return path
