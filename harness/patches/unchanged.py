# SPDX-License-Identifier: GPL-2.0-or-later
"""Without CONFIG_MEM_COMPRESS the series must change nothing, but what its first patches say.

Compiled with every line number 0, since numbers of lines are what a change above always changes,
Xen with the whole series is then byte for byte Xen with the stand-alone patches only. Flask is left
out: what permissions there are is a matter of policies, which know no options of Xen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.build.elf import Elf
from harness.build.xen import SYMBOLS, XenSource
from harness.errors import HypervisorError
from harness.patches.compiled import make_tree
from harness.patches.kinds import Kind, arm64
from harness.patches.series import Series
from harness.patches.steps import Step
from harness.progress import step as progress_step
from harness.sources.cache import locked

# That redefining it is warned of has no option of its own; warnings are for other builds.
NO_LINES = "-w -D__LINE__=0"
# Xen keeps its .config in itself; that there is one more option to set is not code.
LEFT_OUT = {"CONFIG_HYPFS_CONFIG": "n", "CONFIG_XSM_FLASK": "n"}
# A hash of everything, debug information with its line numbers included.
IGNORED = (".note.gnu.build-id",)
SHOWN = 12


def stand_alone(series: Series, steps: Sequence[Step]) -> int:
    """How many steps come before the first that is about memory compression.

    Those are the patches before the first group of new files.
    """
    first = series.groups[0].before if series.groups else ""
    count = 0
    for patch in series.patches:
        if patch.name == first:
            break
        count += 1
    return count if first else len(steps)


def require_unchanged(series: Series, steps: Sequence[Step], source: XenSource) -> tuple[int, int]:
    """Compile both, and compare; how many steps stand alone, and how many bytes are the same.

    Raises HypervisorError naming the sections and the object files that differ.
    """
    count = stand_alone(series, steps)
    off = arm64(controller=False)
    kind = replace(off, name="arm64-unchanged", options={**off.options, **LEFT_OUT})
    with locked("work-series-unchanged"):
        before = _compile(kind, "stand-alone", source, steps[count - 1] if count else None)
        after = _compile(kind, "whole", source, steps[-1])
        differing = different_sections(before / SYMBOLS, after / SYMBOLS)
        if differing:
            objects = different_objects(before, after)
            raise HypervisorError(
                "without CONFIG_MEM_COMPRESS the series changes Xen's code: "
                + ", ".join(differing),
                where=", ".join(objects[:SHOWN]),
                hint=f"compare them in {before} and {after}",
                context=objects[SHOWN:],
            )
        return count, _loaded_bytes(after / SYMBOLS)


def _compile(kind: Kind, label: str, source: XenSource, step: Step | None) -> Path:
    files = step.files if step else {}
    with progress_step(f"patches: {kind.name}: {label}"):
        name = f"series-{kind.name}-{label}"
        top = make_tree(name, kind, source.tarball, source.digest, files, NO_LINES)
    return top / "xen"


def different_sections(one: Path, other: Path) -> list[str]:
    """Names of the sections in memory that are not the same in two programs."""
    ours, theirs = (
        {
            section.name: (section.address, section.size, elf.content(section))
            for section in elf.sections
            if section.loaded and section.name not in IGNORED
        }
        for elf in (Elf(one.read_bytes()), Elf(other.read_bytes()))
    )
    return sorted(n for n in ours.keys() | theirs.keys() if ours.get(n) != theirs.get(n))


def different_objects(one: Path, other: Path) -> list[str]:
    """Object files below these folders of which a section in memory differs, or is in one only."""
    names = {path.relative_to(top).as_posix() for top in (one, other) for path in top.rglob("*.o")}
    found = []
    for name in sorted(names):
        if not ((one / name).is_file() and (other / name).is_file()):
            found.append(f"{name} (only in one)")
            continue
        try:
            differing = different_sections(one / name, other / name)
        except ValueError:  # made for this machine, or a list of others
            continue
        if differing:
            found.append(f"{name} ({' '.join(differing[:3])})")
    return found


def _loaded_bytes(program: Path) -> int:
    elf = Elf(program.read_bytes())
    return sum(len(elf.content(one)) for one in elf.sections if one.loaded)
