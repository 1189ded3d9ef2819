# SPDX-License-Identifier: GPL-2.0-or-later
"""``harness report --explain RUN``: why a run failed, in a paragraph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.machine.patterns import scan_log
from harness.report.page.facts import ended, misses
from harness.report.run import Run, RunState
from harness.report.timeline import Event, read_events

AROUND = 6
CLASSES = {
    1: "an error of the harness itself",
    2: "a mistake in the command line, the profile or the scenario",
    3: "this machine or its network lacks something",
    4: "something that may go well next time",
    5: "QEMU or the board misbehaved, or a deadline passed",
    6: "Xen or dom0's toolstack misbehaved",
    7: "a guest misbehaved",
    8: "everything worked, and what was claimed is not so",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a run ended as it did.

    kind:      the class of failure; the state of a run that did not fail
    step:      what was being done, empty if nothing
    bad_line:  the first console line that is known to be bad, with the console's name
    context:   the lines around it, or what the failure itself had to show
    """

    run: str
    state: str
    kind: str
    message: str
    step: str
    bad_line: str
    context: Sequence[str]
    reproduce: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def paragraph(self) -> str:
        """For people."""
        words = [self.message]
        if self.kind != self.state:
            words.append(f"That is {self.kind}.")
        if self.step:
            words.append(f"It was at the step {self.step}.")
        if self.bad_line:
            words.append(f"The first bad line: {self.bad_line}")
        if self.reproduce:
            words.append(f"To see it again: {self.reproduce}")
        return " ".join(words)


def explain(run: Run) -> Explanation:
    """What there is to say about how a run ended; a run that passed has its missed bars told."""
    events = list(read_events(run.path / "events.jsonl"))
    message, kind = ended(run), run.state.value
    context: Sequence[str] = ()
    bad_line = ""
    failure = run.info.get("failure") or {}
    if run.state is RunState.FAILED:
        code = int(failure.get("exit_code", 1))
        kind = f"{CLASSES.get(code, CLASSES[1])} ({failure.get('type')}, exit code {code})"
        message = f"{run.path.name} failed: {failure.get('message')}."
        context = failure.get("context", [])
    elif run.state is RunState.PASSED:
        message = " ".join([message, *(misses(run) or ["It misses no bar that it measured."])])
    if run.state is not RunState.PASSED:
        found = _first_bad(events, _allowed(run))
        if found is not None:
            bad_line, context = found
    if run.state is RunState.PARTIAL and events:
        message += f" Its last event, {events[-1]['kind']}, was at {events[-1]['t_s']:.1f} s."
    step = "" if run.state is RunState.PASSED else _at_step(events)
    return Explanation(
        str(run.path), run.state.value, kind, message, step, bad_line, context, run.reproduce
    )


def _allowed(run: Run) -> dict[str, tuple[str, ...]]:
    """Bad patterns that a guest was expected to show, by console."""
    return {
        f"{profile}.{name}": tuple(guest.get("allow", ()))
        for profile, config in run.info.get("config", {}).items()
        for name, guest in config.get("guests", {}).items()
    }


def _first_bad(
    events: Iterable[Event], allowed: dict[str, tuple[str, ...]]
) -> tuple[str, Sequence[str]] | None:
    """The earliest bad line of any console, and the lines of its console around it."""
    said: dict[str, list[Event]] = {}
    for event in events:
        if event["kind"] == "console":
            said.setdefault(str(event["console"]), []).append(event)
    best: tuple[float, str, Sequence[str]] | None = None
    for console, lines in said.items():
        texts = [str(line["text"]) for line in lines]
        bad = scan_log(texts, console=console, allow=allowed.get(console, ()), around=AROUND)
        if bad is not None:
            t_s = float(lines[texts.index(bad.line)]["t_s"])
            if best is None or t_s < best[0]:
                best = t_s, f"{bad.line.strip()} (console {console}, {t_s:.1f} s)", bad.around
    return None if best is None else best[1:]


def _at_step(events: Iterable[Event]) -> str:
    """The step that began last and did not end."""
    step = ""
    for event in events:
        if event["kind"] == "step":
            step = str(event.get("do", ""))
        elif event["kind"] == "step-done":
            step = ""
    return step
