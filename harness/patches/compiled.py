# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether each step of the series compiles, asked once for each change.

What compiled is remembered in the cache by what it was made from. Work trees are shared by all
checkouts, so that a step costs what differs from the step that was compiled last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.build.step import compiler
from harness.build.worktree import WorkTree
from harness.build.xen import compile_in
from harness.errors import HypervisorError
from harness.patches.kinds import Kind
from harness.patches.steps import Step, hash_of
from harness.paths import cache_dir
from harness.progress import step as progress_step
from harness.sources.cache import digest_of, find, locked, obtain

RECIPE = 1
OBJECT = "xen-compiles"
ERROR = re.compile(r"\b(?:error|undefined reference|multiple definition)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Task:
    """A tree to compile.

    tarball, xen: Xen's source and its sha256
    files:        what differs from it
    key:          what its result is remembered by, besides the above and the kind
    place:        its work tree; one for each source of Xen that is looked at in turns
    """

    label: str
    kind: Kind
    tarball: Path
    xen: str
    files: Mapping[str, bytes | None]
    key: str
    place: str = "series"

    @classmethod
    def of_step(cls, label: str, kind: Kind, tarball: Path, xen: str, step: Step) -> Task:
        """Remembered by what this step changes of that which is compiled."""
        changed = {n: both for n, both in step.changed.items() if _counts(step, kind, n)}
        return cls(label, kind, tarball, xen, step.files, digest_of({"change": changed}))

    @classmethod
    def of_whole_step(cls, label: str, kind: Kind, tarball: Path, xen: str, step: Step) -> Task:
        """Remembered by all of the tree that is compiled."""
        tree = {n: hash_of(c) for n, c in step.files.items() if _counts(step, kind, n)}
        return cls(label, kind, tarball, xen, step.files, digest_of({"tree": tree}))

    @property
    def digest(self) -> str:
        """Of all that decides whether it compiles."""
        return digest_of(
            {
                "recipe": RECIPE,
                "xen": self.xen,
                "key": self.key,
                "arch": self.kind.arch.name,
                "options": dict(self.kind.options),
                "compiler": compiler(self.kind.compiler),
            }
        )

    @property
    def known(self) -> bool:
        """Whether it has compiled before."""
        return find(OBJECT, self.digest) is not None


def tasks(
    steps: Sequence[Step], kinds: Sequence[Kind], tarball: Path, xen: str, *, whole: bool = False
) -> list[Task]:
    """Every step for every kind that it has.

    whole: each is remembered as the tree that it makes, else only the last one, and those before
           it by their own change: where an earlier one has changed so that they do not fit any
           more, only the last tree shows it

    A step that changes nothing of what is compiled is none.
    """
    found = []
    for kind in kinds:
        kind.require()
        counting = [
            step
            for step in steps
            if (step.has_option or not kind.controller)
            and any(_counts(step, kind, name) for name in step.changed)
        ]
        for step in counting if kind.every_step else counting[-1:]:
            label = f"step {step.number} of {len(steps)}, {step.subject}"
            remembered = Task.of_whole_step if whole or step is counting[-1] else Task.of_step
            found.append(remembered(label, kind, tarball, xen, step))
    return found


def _counts(step: Step, kind: Kind, name: str) -> bool:
    return kind.compiles(name, new=name in step.new)


def compile_one(task: Task) -> None:
    """Compile it, unless it is known to compile. Raises HypervisorError with the first error."""
    with progress_step(f"patches: {task.kind.name}: {task.label}") as progress:
        _, was_there = obtain(OBJECT, task.digest, lambda out: _record(task, out))
        if was_there:
            progress.cached()


def _record(task: Task, out: Path) -> None:
    _compile(task)
    (out / "label").write_text(f"{task.kind.name}: {task.label}\n")


def _compile(task: Task) -> None:
    name = f"{task.place}-{task.kind.name}"
    with locked(f"work-{name}"):
        try:
            make_tree(name, task.kind, task.tarball, task.xen, task.files)
        except HypervisorError as error:
            raise HypervisorError(
                f"{task.label} does not compile for {task.kind.name}: {first_error(error)}",
                where=error.where,
                context=error.context,
            ) from error


def make_tree(
    name: str,
    kind: Kind,
    tarball: Path,
    xen: str,
    files: Mapping[str, bytes | None],
    flags: str = "",
) -> Path:
    """Compile a tree in the work tree of that name, which the caller has locked; its top."""
    tree = WorkTree(cache_dir() / "work" / name)
    tree.update(tarball, xen, files, ())
    top = tree.path / "xen"
    compile_in(top, kind.options, what=name, arch=kind.arch, flags=flags, headers=True)
    return tree.path


def first_error(error: HypervisorError) -> str:
    """The compiler's first complaint, else what make said."""
    try:
        lines = Path(error.where).read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = list(error.context)
    return next((line.strip() for line in lines if ERROR.search(line)), error.message)
