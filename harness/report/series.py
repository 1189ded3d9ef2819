# SPDX-License-Identifier: GPL-2.0-or-later
"""metrics.parquet: the metrics of a run as a table, for whoever has a notebook.

One row a value; a column for each label that occurs in the run; run.json in the file's metadata
under ``run``.

    duckdb.sql("select guest, max(value) from 'runs/*/metrics.parquet' group by guest")
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FIXED = ("t_s", "name", "value", "unit")


def write_parquet(folder: Path, info: Mapping[str, Any]) -> None:
    """Write it beside metrics.jsonl, which must be complete."""
    # Only here: it is large, and most verbs have no use for it.
    import duckdb

    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    labels = sorted({name for row in rows for name in row.get("labels", {})} - set(FIXED))
    columns = "t_s DOUBLE, name VARCHAR, value DOUBLE, unit VARCHAR"
    columns += "".join(f", {_quoted(name)} VARCHAR" for name in labels)
    with duckdb.connect() as base:
        base.execute(f"CREATE TABLE metrics ({columns})")
        if rows:
            marks = ", ".join("?" * (len(FIXED) + len(labels)))
            base.executemany(
                f"INSERT INTO metrics VALUES ({marks})", [_row(r, labels) for r in rows]
            )
        target = str(folder / "metrics.parquet").replace("'", "''")
        about = json.dumps(info).replace("'", "''")
        base.execute(f"COPY metrics TO '{target}' (FORMAT parquet, KV_METADATA {{run: '{about}'}})")


def _row(record: Mapping[str, Any], labels: list[str]) -> list[Any]:
    given = record.get("labels", {})
    words = [None if given.get(name) is None else str(given[name]) for name in labels]
    return [record[name] for name in FIXED] + words


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
