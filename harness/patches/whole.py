# SPDX-License-Identifier: GPL-2.0-or-later
"""All that ``harness patches check`` looks at, from what takes a second to what takes minutes."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.build.patches import touched
from harness.build.worktree import pristine
from harness.build.xen import XenSource
from harness.errors import HypervisorError
from harness.patches import check, compiled, style
from harness.patches.kinds import arm64, others
from harness.patches.series import Series
from harness.patches.steps import Step, replay, require_same
from harness.patches.unchanged import require_unchanged
from harness.progress import step


@dataclass(frozen=True, slots=True)
class Found:
    """What was looked at, and is good.

    mails:    that git am takes
    compiled: steps that compile, by kind; new: of these, looked at now
    """

    report: check.Report
    mails: int
    compiled: dict[str, int] = field(default_factory=dict)
    new: dict[str, int] = field(default_factory=dict)
    stand_alone: int = 0
    unchanged_bytes: int = 0


def check_all(
    series: Series, source: XenSource, *, all_steps: bool, full: bool, compiles: bool
) -> Found:
    """Look at the series.

    all_steps: compile every step that was not compiled as this very tree
    full:      that, other architectures, and that nothing changes without the controller
    compiles:  else nothing is compiled

    Raises HypervisorError for the first thing that is wrong, SetupError.
    """
    kinds = [arm64(controller=False), arm64(controller=True), *(others() if full else [])]
    for kind in kinds:
        kind.require()
    with step("patches: check"):
        report = check.check(series, source.tarball)
    with step("patches: git am"):
        steps = replay(series, source)
        require_same(steps, source)
        _require_style(series, source, steps)
    found = Found(report, len(steps))
    if not compiles:
        return found
    whole = all_steps or full
    todo = compiled.tasks(steps, kinds, source.tarball, source.digest, whole=whole)
    for task in todo:
        found.compiled[task.kind.name] = found.compiled.get(task.kind.name, 0) + 1
        found.new.setdefault(task.kind.name, 0)
        if not task.known:
            found.new[task.kind.name] += 1
            compiled.compile_one(task)
    if not full:
        return found
    count, size = require_unchanged(series, steps, source)
    return Found(report, len(steps), found.compiled, found.new, count, size)


def _require_style(series: Series, source: XenSource, steps: list[Step]) -> None:
    names = touched([patch.path for patch in series.patches])
    wrong = list(style.problems(pristine(source.tarball, names), steps[-1].files))
    if wrong:
        raise HypervisorError(
            f"{len(wrong)} lines that patches add are not in Xen's style",
            where=wrong[0],
            context=wrong[1:],
        )
