# SPDX-License-Identifier: GPL-2.0-or-later
"""``harness history``: the figures of all runs that were noted, oldest first.

One DuckDB file, ``runs/history.duckdb``. Nightly notes the runs of its scenarios; any other run can
be noted by hand. Noting a run again changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import SetupError, TransientError, UsageError
from harness.paths import runs_dir
from harness.report.figures import BARS, figures
from harness.report.run import Run, RunState

if TYPE_CHECKING:
    import duckdb

TABLE = """
CREATE TABLE IF NOT EXISTS figures (
    run VARCHAR, started TIMESTAMP, scenario VARCHAR, name VARCHAR, place VARCHAR,
    value DOUBLE, unit VARCHAR, met BOOLEAN, commit VARCHAR, xen VARCHAR, dimensions JSON,
    PRIMARY KEY (run, name, place)
)
"""
# What a value is held against: of so many before it, the one in the middle.
BEFORE = 10


def history_file() -> Path:
    """The history of this checkout."""
    return runs_dir() / "history.duckdb"


def note(runs: Sequence[Run], path: Path | None = None) -> int:
    """Take the figures of these runs into the history; how many there are.

    Raises UsageError for a run that is no result, TransientError while another one writes,
    SetupError when the file is not a history.
    """
    rows = []
    for run in runs:
        if run.state is not RunState.PASSED:
            raise UsageError(f"a {run.state} run is no result", where=str(run.path))
        checkout = run.info.get("checkout") or {}
        for figure in figures(run):
            if figure.value is None:
                continue
            own = {k: v for k, v in figure.dimensions.items() if run.dimensions.get(k) != v}
            rows.append(
                (
                    f"{run.info['started']} {run.path.name}",
                    run.info["started"][:26],
                    run.info["scenario"],
                    figure.bar.name,
                    " ".join(f"{k}={v}" for k, v in sorted(own.items())),
                    figure.value,
                    figure.bar.unit,
                    figure.met,
                    checkout.get("commit"),
                    run.info["hashes"].get("xen"),
                    json.dumps(dict(figure.dimensions)),
                )
            )
    with _opened(path) as base:
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            base.executemany(f"INSERT OR IGNORE INTO figures VALUES ({marks})", rows)
    return len(rows)


@dataclass(frozen=True, slots=True)
class Trend:
    """One figure at one set of labels, over time.

    before: the middle of up to ten values before the last; None when it is the first
    worse:  whether it moved away from its bar, as a share of ``before``
    """

    name: str
    at: str
    unit: str
    bar: str
    met: bool
    values: tuple[float, ...]
    started: tuple[str, ...]
    before: float | None
    worse: float | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def trends(name: str | None = None, *, path: Path | None = None) -> list[Trend]:
    """All figures, or those of one name. Raises UsageError when nothing was noted."""
    bars = {bar.name: bar for bar in BARS}
    if name is not None and name not in bars:
        raise UsageError(f"no figure {name!r}", hint=", ".join(bars))
    if not (path or history_file()).exists():
        raise UsageError("no run was noted yet", hint="harness history --add RUN, harness nightly")
    with _opened(path) as base:
        rows = base.execute(
            "SELECT name, place, any_value(unit), list(value ORDER BY started),"
            " list(strftime(started, '%Y-%m-%d %H:%M') ORDER BY started),"
            " last(met ORDER BY started) FROM figures WHERE ? IS NULL OR name = ?"
            " GROUP BY name, place ORDER BY name, place",
            [name, name],
        ).fetchall()
    found = []
    for figure, at, unit, values, started, met in rows:
        bar = bars[figure]
        earlier = sorted(values[-BEFORE - 1 : -1])
        before = earlier[len(earlier) // 2] if earlier else None
        worse = None
        if before:
            worse = (values[-1] - before) / abs(before) * (1 if bar.relation == "<=" else -1)
        found.append(
            Trend(figure, at, unit, str(bar), met, tuple(values), tuple(started), before, worse)
        )
    return found


@contextmanager
def _opened(path: Path | None) -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb

    file = path or history_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        base = duckdb.connect(str(file))
    except duckdb.IOException as error:
        if "lock" in str(error):
            raise TransientError(f"the history is in use: {error}", where=str(file)) from error
        hint = "move the file away, and note the runs again"
        raise SetupError(f"this is no history: {error}", where=str(file), hint=hint) from error
    with base:
        base.execute(TABLE)
        yield base
