# SPDX-License-Identifier: GPL-2.0-or-later
"""Is it the unused half that is taken?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.errors import ScenarioFailed
from harness.report.run import Scalar
from harness.scenarios import measured
from harness.scenarios.content import touched_half
from harness.scenarios.context import Context
from harness.scenarios.load import Load, is_compressed


@dataclass(frozen=True, slots=True)
class Verdict:
    """Victims among the pages of one load."""

    victims: int
    untouched_victims: int
    untouched: int

    @property
    def precision(self) -> float:
        """Share of the victims that lie in the untouched half."""
        return self.untouched_victims / self.victims if self.victims else 0.0

    @property
    def recall(self) -> float:
        """Share of the untouched half that was taken."""
        return self.untouched_victims / self.untouched


def choose_victims(load: Load, touch_seed: int) -> Verdict:
    """Let everything grow old, touch half in shuffled order, take what is old."""
    controller = load.guest.controller
    for _ in range(3):
        controller.sweep()
    load.ctl("touch-half", touch_seed)
    # This sweep finds the touched half's access flags set and makes those pages young.
    controller.sweep()
    controller.compress(min_age=2)
    taken = is_compressed(load.states())
    untouched = np.ones(load.count, dtype=np.bool_)
    untouched[touched_half(touch_seed, load.count)] = False
    return Verdict(
        int(np.count_nonzero(taken)),
        int(np.count_nonzero(taken & untouched)),
        int(np.count_nonzero(untouched)),
    )


def victims(ctx: Context, step: measured.Victims) -> None:
    """Repeat with new halves; every round must reach the bar, and take most of its half.

    Raises ScenarioFailed naming the round that did not.
    """
    for guest in ctx.guests:
        load = Load.start(
            guest,
            name="victims",
            content=step.content,
            seed=ctx.seed,
            pages=step.pages,
            corpus=ctx.corpus,
        )
        for number in range(step.rounds):
            load.fill(ctx.next_cycle())
            verdict = choose_victims(load, ctx.seed + number)
            labels: dict[str, Scalar] = {
                "guest": guest.name,
                "profile": ctx.profile,
                "round": number,
            }
            ctx.folder.metric("victim_precision", verdict.precision, "ratio", **labels)
            ctx.folder.metric("victim_recall", verdict.recall, "ratio", **labels)
            where = f"{guest.name}, profile {ctx.profile}, round {number}"
            if verdict.recall < 0.5:
                raise ScenarioFailed(
                    f"only {verdict.untouched_victims} of {verdict.untouched} untouched pages"
                    " were taken: nothing to judge",
                    where=where,
                )
            if verdict.precision < step.bar:
                raise ScenarioFailed(
                    f"{verdict.precision:.1%} of the victims were untouched, not {step.bar:.0%}",
                    where=where,
                )
            ctx.active = True
            load.verify(ctx.seed + number)
        load.stop()
