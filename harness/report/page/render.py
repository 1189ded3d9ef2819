# SPDX-License-Identifier: GPL-2.0-or-later
"""Puts facts and charts of runs into one page with everything in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from harness.errors import SetupError
from harness.machine.patterns import find_bad
from harness.report.page import charts, compared, costs, facts, latencies
from harness.report.page.charts import Chart
from harness.report.page.pressure import pressure_charts
from harness.report.run import Run
from harness.report.timeline import Event, read_events
from harness.report.values import Value, differs, values_of

HERE = Path(__file__).parent
# Of each run; the rest is in events.jsonl.
EVENTS = 600
# Kept out of the timeline: their numbers are in the charts.
QUIET = ("no-sample",)


def write_report(runs: Sequence[Run], out: Path) -> None:
    """Write the page of one run, or of several beside each other: all of it, or SetupError."""
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.name}")
    page = render(runs)
    try:
        temporary.write_text(page, encoding="utf-8")
        temporary.replace(out)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise SetupError(
            f"the report cannot be written: {error.strerror}",
            where=str(out),
            hint="make room there, or --out on another disk",
        ) from error


def render(runs: Sequence[Run]) -> str:
    """The page as HTML. Shows what there is of a run that failed or never ended, and says so."""
    values = values_of(runs)
    sections = _sections(runs, values)
    drawn = {chart.key: chart.document() for section in sections for chart in section["charts"]}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html.j2").render(
        title=_title(runs),
        subtitle=_subtitle(runs),
        css=Markup((HERE / "report.css").read_text(encoding="utf-8")),
        js=Markup((HERE / "report.js").read_text(encoding="utf-8")),
        # "</" would end the script element.
        plotly=Markup(_plotly().replace("</script", "<\\/script")),
        charts_json=Markup(json.dumps(drawn).replace("<", "\\u003c")),
        runs=[_about(run, runs) for run in runs],
        tiles=facts.headline(runs[0]) if len(runs) == 1 else [],
        misses=[sentence for run in runs for sentence in facts.misses(run)],
        bars=[row for run in runs for row in facts.bar_rows(run)],
        not_measured=facts.not_measured(runs),
        table_1=facts.table_1(values),
        table_1_why=facts.TABLE_1,
        notes=facts.notes(runs),
        source=facts.source(runs[0]) if len(runs) == 1 else "",
        sections=sections,
    )


def _sections(runs: Sequence[Run], values: Sequence[Value]) -> list[dict[str, Any]]:
    """Charts, and below them the tables with each number that they show."""
    active = [value for value in values if value.active]
    bars = compared.technique_charts(values)
    fit = [chart for chart in bars if chart.key.startswith("technique-guests_hosted")]
    found = [
        ("Memory over time", charts.memory_charts(runs[0]) if len(runs) == 1 else [], []),
        ("Pressure over time", pressure_charts(runs[0]) if len(runs) == 1 else [], []),
        ("VMs that fit", fit, [costs.hosted(active)]),
        (
            "Slowdown with less memory",
            compared.squeeze_charts(values),
            [costs.slowdown(active), costs.flash(active)],
        ),
        (
            "Techniques and ablations",
            [chart for chart in bars if chart not in fit],
            [costs.techniques(runs)],
        ),
        ("Latency", latencies.latency_charts(runs), [costs.latency(runs)]),
        ("Applications on Android", [], [costs.applications(active)]),
        ("Neighbours and storms", [], [costs.ratios(active)]),
    ]
    sections = [
        {"title": title, "charts": drawn, "tables": [table for table in tables if table.rows]}
        for title, drawn, tables in found
    ]
    return [section for section in sections if section["charts"] or section["tables"]]


def charts_of(runs: Sequence[Run]) -> list[Chart]:
    """Every chart of the page, in its order."""
    return [chart for part in _sections(runs, values_of(runs)) for chart in part["charts"]]


def _title(runs: Sequence[Run]) -> str:
    names = list(dict.fromkeys(str(run.info["scenario"]) for run in runs))
    return f"{', '.join(names)}" + (f": {len(runs)} runs" if len(runs) > 1 else "")


def _subtitle(runs: Sequence[Run]) -> str:
    first = runs[0].info
    when = str(first["started"])[:16].replace("T", " ")
    return f"xen-memcompress, {when} UTC" + (f", {runs[0].path.name}" if len(runs) == 1 else "")


def _about(run: Run, runs: Sequence[Run]) -> dict[str, Any]:
    info = run.info
    failure = info.get("failure") or {}
    events = [e for e in read_events(run.path / "events.jsonl") if e["kind"] not in QUIET]
    checkout = info.get("checkout") or {}
    changed = " with changes" if checkout.get("changed") else ""
    about = [
        ("state", run.state.value),
        ("started", info["started"]),
        *((f"dimension {key}", value) for key, value in run.dimensions.items()),
        *((f"hash {key}", value) for key, value in info["hashes"].items()),
        ("checkout", f"{checkout.get('commit', 'unknown')}{changed}"),
        *((f"host {key}", value) for key, value in info.get("host", {}).items()),
        ("command line", " ".join(info["command_line"])),
    ]
    return {
        "name": run.path.name,
        "state": run.state.value,
        "sentence": facts.state_sentence(run),
        "context": failure.get("context", []),
        "differs": differs(run, runs),
        "reproduce": run.reproduce,
        "events": [_shown(event) for event in events[-EVENTS:]],
        "left_out": max(0, len(events) - EVENTS),
        "about": about,
    }


def _shown(event: Event) -> dict[str, str]:
    kind = str(event["kind"])
    if kind == "console":
        text = str(event["text"])
        wrong = "wrong" if find_bad(text) else ""
        return {
            "t": f"{event['t_s']:.2f}",
            "kind": str(event["console"]),
            "text": text,
            "cls": wrong,
        }
    rest = {k: v for k, v in event.items() if k not in ("t_s", "kind")}
    text = " ".join(f"{k}={_short(v)}" for k, v in rest.items())
    bad = kind in ("violation", "guest-failure") or bool(event.get("failure"))
    cls = "wrong" if bad else "step" if kind.startswith("step") else ""
    return {"t": f"{event['t_s']:.2f}", "kind": kind, "text": text, "cls": cls}


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 300 else f"{text[:300]}..."


def _plotly() -> str:
    return (files("plotly") / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
