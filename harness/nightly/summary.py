# SPDX-License-Identifier: GPL-2.0-or-later
"""JUnit for machines and one HTML page for people."""

from __future__ import annotations

import html
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.nightly.runner import Result

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; color: #222 }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .35rem .8rem; border-bottom: 1px solid #ddd }
td.number { text-align: right; font-variant-numeric: tabular-nums }
.passed { color: #166534 } .failed { color: #b91c1c; font-weight: 600 }
pre { background: #f6f6f6; padding: .8rem; overflow-x: auto; font-size: 12px }
"""


def write_summary(results: Sequence[Result], out: Path, *, planned: int) -> None:
    """Write ``junit.xml`` and ``index.html`` into ``out``."""
    (out / "junit.xml").write_text(junit(results), encoding="utf-8")
    (out / "index.html").write_text(page(results, out, planned=planned), encoding="utf-8")


def junit(results: Sequence[Result]) -> str:
    """One test case a job; what pytest's own jobs found is in their folders."""
    suite = ElementTree.Element(
        "testsuite",
        name="nightly",
        tests=str(len(results)),
        failures=str(sum(not result.passed for result in results)),
        time=str(round(sum(result.duration_s for result in results), 1)),
    )
    for result in results:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=f"nightly.tier{result.tier}",
            name=result.name,
            time=str(result.duration_s),
        )
        if not result.passed:
            failure = ElementTree.SubElement(case, "failure", message=result.verdict)
            failure.text = _printable("\n".join(result.tail))
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def page(results: Sequence[Result], out: Path, *, planned: int) -> str:
    """A table, and the last lines of what failed."""
    failed = [result for result in results if not result.passed]
    rows = "\n".join(_row(result, out) for result in results)
    details = "\n".join(
        f"<h2>{html.escape(result.name)}</h2>\n<pre>{html.escape(chr(10).join(result.tail))}</pre>"
        for result in failed
    )
    passed = len(results) - len(failed)
    title = f"{passed} of {planned} jobs passed"
    if len(results) < planned:
        title += f", {planned - len(results)} still to come"
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n<h1>{title}</h1>\n"
        "<table>\n<tr><th>tier</th><th>job</th><th>result</th><th>seconds</th></tr>\n"
        f"{rows}\n</table>\n{details}\n</html>\n"
    )


def _row(result: Result, out: Path) -> str:
    kind = "passed" if result.passed else "failed"
    link = html.escape(str(Path(result.log).relative_to(out)))
    return (
        f'<tr><td>{result.tier}</td><td><a href="{link}">{html.escape(result.name)}</a></td>'
        f'<td class="{kind}">{html.escape(result.verdict)}</td>'
        f'<td class="number">{result.duration_s}</td></tr>'
    )


def _printable(text: str) -> str:
    """XML has no way to write most control characters."""
    return "".join(c for c in text if c in "\n\t" or c >= " ")
