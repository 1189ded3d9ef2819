# SPDX-License-Identifier: GPL-2.0-or-later
"""The run folder: everything a run leaves behind, readable before it is complete.

    runs/20260131-142501-first-light/
        run.json          what ran, on what, how it ended (``state`` is "partial" until then)
        metrics.jsonl     one value a line: t_s, name, value, unit, labels
        histograms.jsonl  one distribution a line: name, unit, labels, count, sum, max, buckets
        events.jsonl      one event a line: t_s, kind, fields; also what consoles and QMP said
        consoles/         the console logs of the testbed, copied when the run ends
        metrics.parquet   the metrics once more, as a table, with run.json in its metadata
        report.html       all of it for people

``t_s`` is seconds on one monotonic clock that starts with the run; ``run.json`` says when that was
in calendar time. A value's dimensions are its own labels
plus ``dimensions`` of run.json.

Labels that the report, ``compare`` and ``history`` know; a value has those that apply to it:

    guest, profile, sample    whose, on which testbed, and at which step ("clock": by time)
    technique                 what was used against want of memory, "mem-compress" if not said;
                              an ablation is "mem-compress:no-ageing" and so on
    workload, content         what was run, which class of pages
    ram                       percent of the guest's nominal memory that it may hold
    repetition, order         which time it was, and whether this technique came first in it
    stat                      mean, p50, p99, max or count of a distribution

Metrics with a chart or table of their own beside the figures of ``harness.report.figures``:

    resident, compressed, ...  of ``Context.sample``: memory over time
    technique_count            a technique's own counter; at 0 it is inactive, and not compared
    slowdown                   by technique, workload and ram: the squeeze curves; slowdown_waking
                               is of the first go after a rest
    over_slice, unfinished     why there is none: frames held that it might not have, and the
                               seconds in which it did not end
    minimum_memory             MiB by guest and mode (native, virtualized, compressed): Table 1;
                               minimum_memory_held and _peak: pages with compression, when it had
                               come back to its slice, and at most
    lmkd_kills                 since the record before it in the same run
"""

from __future__ import annotations

import datetime
import errno
import fcntl
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from harness.errors import SetupError, UsageError
from harness.paths import runs_dir
from harness.report.histogram import Histogram, bucket_middle
from harness.report.provenance import checkout, host
from harness.report.run import SCHEMA, RunState, Scalar, resumable
from harness.report.series import write_parquet
from harness.report.timeline import Event, Said, merge_events, read_events


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
        resume: bool = False,
    ) -> None:
        """Create the folder: ``out``, which must not exist or be empty, or one under runs/.

        resume: ``out`` may be what an attempt left that did not come to a good end; this one goes
                on behind it. Raises UsageError when it is of another scenario, seed or schema.
        """
        now = datetime.datetime.now(datetime.UTC)
        self.path = out or _free_name(runs_dir(), f"{now:%Y%m%d-%H%M%S}-{scenario}")
        earlier = None
        if self.path.exists() and any(self.path.iterdir()):
            if not resume:
                hint = "--out NEW, or --resume to go on with it"
                raise UsageError("the run folder is not empty", where=str(self.path), hint=hint)
            earlier = resumable(self.path, scenario=scenario, seed=seed)
        self.path.mkdir(parents=True, exist_ok=True)
        self._earlier = list(read_events(self.path / "events.jsonl")) if earlier else []
        spent_s = max((event["t_s"] for event in self._earlier), default=0.0)
        self._start_s = time.monotonic() - spent_s
        self._start_wall_s = now.timestamp() - spent_s
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
            "config": {},
            "checkout": checkout(),
            "host": host(),
            "failure": None,
        }
        if earlier is not None:
            self._run |= {"started": earlier["started"], "hashes": dict(earlier["hashes"])}
        self._resumed_hashes = dict(self._run["hashes"])
        for name in ("metrics.jsonl", "histograms.jsonl", "events.jsonl"):
            _drop_half_line(self.path / name)
        self._metrics = (self.path / "metrics.jsonl").open("a", encoding="utf-8")
        self._histograms = (self.path / "histograms.jsonl").open("a", encoding="utf-8")
        self._events = (self.path / "events.jsonl").open("a", encoding="utf-8")
        # Held for as long as the run lasts: who reads a partial run can tell whether it goes on.
        fcntl.flock(self._events, fcntl.LOCK_EX)
        self._lock = threading.Lock()
        self._testbeds: list[Said] = []
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
        config: Mapping[str, Any] | None = None,
    ) -> None:
        """Add what the run ran on, as soon as it is known; ``config``: whole profiles by name."""
        for name, digest in (hashes or {}).items():
            if self._resumed_hashes.get(name, digest) != digest:
                raise UsageError(
                    f"{name} is another than when this run began", hint="begin anew: --out NEW"
                )
        self._run["config"].update(config or {})
        self._run["dimensions"].update(dimensions or {})
        self._run["hashes"].update(hashes or {})
        self._write_run()

    def metric(self, name: str, value: float, unit: str, **labels: Scalar) -> None:
        """Record one value, at once on disk."""
        record = {"t_s": round(self.elapsed_s, 6), "name": name, "value": value, "unit": unit}
        self._append(self._metrics, record | ({"labels": labels} if labels else {}))

    def histogram(
        self, name: str, values: Histogram, unit: str, *, scale: float = 1.0, **labels: Scalar
    ) -> None:
        """Record a distribution; ``scale`` turns what it counts in into ``unit``."""
        filled = ((bucket_middle(b) * scale, n) for b, n in enumerate(values.buckets) if n)
        record = {
            "t_s": round(self.elapsed_s, 6),
            "name": name,
            "unit": unit,
            "labels": labels,
            "count": values.count,
            "sum": values.total * scale,
            "max": values.maximum * scale,
            "buckets": [list(pair) for pair in filled],
        }
        self._append(self._histograms, record)

    def event(self, kind: str, **fields: Any) -> None:
        """Record that something happened."""
        self._append(self._events, {"t_s": round(self.elapsed_s, 6), "kind": kind} | fields)

    def earlier(self, kind: str) -> list[Event]:
        """Events of that kind that earlier attempts at this run recorded."""
        return [event for event in self._earlier if event["kind"] == kind]

    def add_testbed(
        self, prefix: str, *, started_s: float, events: Path, logs: Mapping[str, Path]
    ) -> None:
        """Copy what a testbed's consoles and QEMU said, and take it onto the run's clock.

        prefix:    of the consoles' names here, for there may be several testbeds
        started_s: calendar time at which the testbed's own clock began
        events:    the testbed's event log
        """
        self.add_consoles({f"{prefix}.{name}": log for name, log in logs.items()})
        copied = {name: self.path / "consoles" / f"{prefix}.{name}.log" for name in logs}
        found = list(read_events(events)) if events.exists() else []
        with self._lock:
            self._testbeds.append(Said(prefix, started_s - self._start_wall_s, found, copied))

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
        with self._lock:
            for file in (self._metrics, self._histograms, self._events):
                file.close()
        if failure is not None:
            self._run["failure"] = {
                "type": type(failure).__name__,
                "message": str(failure),
                "exit_code": getattr(failure, "exit_code", 1),
                "where": getattr(failure, "where", ""),
                "hint": getattr(failure, "hint", ""),
                "context": [str(line) for line in getattr(failure, "context", ())],
            }
        self._run["state"] = state.value
        self._run["finished"] = datetime.datetime.now(datetime.UTC).isoformat(
            timespec="milliseconds"
        )
        self._run["duration_s"] = round(self.elapsed_s, 3)
        self._write_run()
        # How it ended is on disk by now, whatever becomes of the rest.
        merge_events(self.path / "events.jsonl", self._testbeds)
        write_parquet(self.path, self._run)

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

    def _append(self, file: TextIO, record: Mapping[str, Any]) -> None:
        # Steps and the sampler write; what a straggler says after the end is not part of the run.
        with self._lock:
            if not file.closed:
                with self._room():
                    file.write(json.dumps(record) + "\n")
                    file.flush()

    def _write_run(self) -> None:
        # Written beside and renamed: a reader never sees half of it.
        temporary = self.path / ".run.json"
        with self._room():
            temporary.write_text(json.dumps(self._run, indent=2) + "\n", encoding="utf-8")
            os.replace(temporary, self.path / "run.json")

    @contextmanager
    def _room(self) -> Iterator[None]:
        """A run without room for its results ends, and stays marked partial."""
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise SetupError(
                "no space left for the run folder",
                where=str(self.path),
                hint="make room there, or --out on another disk",
            ) from error


def _drop_half_line(path: Path) -> None:
    """What a killed run was about to write when it was killed."""
    if path.exists():
        content = path.read_bytes()
        os.truncate(path, content.rfind(b"\n") + 1)


def _free_name(folder: Path, name: str) -> Path:
    # Two runs may start in one second, in one checkout.
    path, n = folder / name, 1
    while path.exists():
        n += 1
        path = folder / f"{name}-{n}"
    return path
