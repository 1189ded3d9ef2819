# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the instructions go: QEMU tells each that Xen executes, and they are counted by function.

What counts is a stay in Xen, from a trap of a guest until the next one, in which pages were
compressed or restored. So the trap's way in and out is in it, which Xen's own clock does not see;
interrupts that Xen took meanwhile are, too. The codec's own functions are listed apart.
"""

from __future__ import annotations

import re
import subprocess
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from harness.errors import ScenarioFailed, SetupError
from harness.scenarios import measured
from harness.scenarios.bed import Bed, ControllerStats
from harness.scenarios.context import Context
from harness.scenarios.load import Load, outlast_back_off

CODEC = re.compile(r"lzo1x|lz4|crc32c|LZ4", re.IGNORECASE)
# Traps from a guest enter in the upper half of the table (DDI 0487, D1.4.1.6).
VECTORS = "hyp_traps_vector"
FROM_GUEST = range(0x400, 0x800)
_TRACE = re.compile(r"^Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/")


@dataclass(frozen=True, slots=True)
class Symbols:
    """Functions of Xen by address."""

    addresses: list[int]
    names: list[str]

    @classmethod
    def of(cls, elf: Path) -> Symbols:
        """Raises SetupError when there are none."""
        done = subprocess.run(
            ["aarch64-linux-gnu-nm", "--numeric-sort", str(elf)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        lines = [line.split() for line in done.stdout.splitlines()]
        # Not the assembler's labels for the linker, which hide the function that they are in.
        found = [(int(a, 16), n) for a, t, n in lines if t in "tT" and not n.startswith((".", "$"))]
        if not found:
            raise SetupError(f"no symbols of Xen: {done.stderr}", where=str(elf))
        return cls([address for address, _ in found], [name for _, name in found])

    def name(self, address: int) -> str:
        return self.names[max(0, bisect_right(self.addresses, address) - 1)]

    def address(self, name: str) -> int:
        """Raises SetupError when there is no such function."""
        if name not in self.names:
            raise SetupError(f"Xen has no function {name}: was it inlined?")
        return self.addresses[self.names.index(name)]


@dataclass(slots=True)
class Profile:
    """Instructions by function in those stays in Xen that called ``anchor``."""

    anchor: str
    stays: int = 0
    insns: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return sum(self.insns.values())

    @property
    def codec(self) -> int:
        return sum(n for name, n in self.insns.items() if CODEC.search(name))

    def table(self, what: str, pages: int) -> str:
        """Functions that have at least two instructions a page, the dearest first."""
        lines = [
            f"{what}: {pages} pages in {self.stays} stays in Xen",
            f"{'instructions a page':>20}  {'share':>6}  function",
        ]
        for name, n in self.insns.most_common():
            if n >= 2 * pages:
                mark = " (codec)" if CODEC.search(name) else ""
                share = 100 * n / self.total
                lines.append(f"{n / pages:>20.0f}  {share:>5.1f}%  {name}{mark}")
        lines.append(f"{self.total / pages:>20.0f}  100.0%  all")
        without = (self.total - self.codec) / pages
        lines.append(f"{without:>20.0f}          all but the codec, trap and interrupts included")
        return "\n".join(lines) + "\n"


def read_trace(lines: Iterable[str], symbols: Symbols, anchor: str) -> Profile:
    """Count the instructions of a log of single steps (QEMU's ``log exec``)."""
    profile = Profile(anchor)
    vectors, begin = symbols.address(VECTORS), symbols.address(anchor)
    stay: Counter[int] = Counter()
    wanted = False

    def close() -> None:
        nonlocal wanted
        if wanted:
            profile.stays += 1
            for address, n in stay.items():
                profile.insns[symbols.name(address)] += n
        stay.clear()
        wanted = False

    for line in lines:
        found = _TRACE.match(line)
        if not found:
            continue
        pc = int(found[1], 16)
        # Each vector is 128 bytes, entered at its first instruction.
        if pc - vectors in FROM_GUEST and not pc & 0x7F:
            close()
        stay[pc] += 1
        wanted = wanted or pc == begin
    close()
    return profile


@contextmanager
def single_steps(bed: Bed, log: Path) -> Iterator[None]:
    """Have QEMU write each instruction of Xen to ``log`` meanwhile."""

    def monitor(line: str) -> None:
        said = bed.qmp("human-monitor-command", {"command-line": line})
        if said:
            raise ScenarioFailed(f"QEMU says: {said.strip()}", where=line)

    monitor(f"logfile {log}")
    monitor("singlestep on")
    monitor("log exec,nochain")
    try:
        yield
    finally:
        monitor("log none")
        monitor("singlestep off")


def _restored(stats: ControllerStats) -> int:
    return sum(stats.restores.values())


def profile(ctx: Context, step: measured.Profile) -> None:
    """Write profile.txt to the run folder, and each path with its trap as a metric.

    memcpy() counts as path, although the decoders copy long literals with it.

    Raises ScenarioFailed when no page took part.
    """
    symbols = Symbols.of(ctx.bed.symbols)
    tables = []
    for guest in ctx.guests:
        load = Load.start(
            guest,
            name="profile",
            content=step.content,
            seed=ctx.seed,
            pages=step.pages,
            corpus=ctx.corpus,
            threads=1,
        )
        read = partial(load.times, ctx.seed)
        # What is done, where Xen must have been, and what of the statistics counts its pages.
        paths: Mapping[
            str, tuple[Callable[[], object], str, Callable[[ControllerStats], int] | None]
        ] = {
            "compress": (load.compress, "arch_mc_commit", lambda stats: stats.committed),
            "fault": (read, "arch_mc_end_restore", _restored),
            "bulk": (load.restore, "arch_mc_end_restore", _restored),
            # Where Xen keeps access flags, each stay is for one page.
            "touch": (read, "arch_mc_mark_young", None),
        }
        labels = {"guest": guest.name, "profile": ctx.profile}
        whole: dict[str, float] = {}
        for what, (act, anchor, count) in paths.items():
            load.fill(ctx.next_cycle())
            outlast_back_off(guest)
            if count is _restored:
                load.compress()
            before = guest.controller.stats()
            log = (ctx.folder.path / "trace.log").resolve()
            with single_steps(ctx.bed, log):
                act()
            after = guest.controller.stats()
            ctx.active = ctx.active or after.committed > 0
            with log.open(encoding="ascii", errors="replace") as lines:
                found = read_trace(lines, symbols, anchor)
            log.unlink()
            pages = count(after) - count(before) if count else found.stays
            if not count and not found.stays:
                continue  # the CPU keeps access flags itself
            if not found.stays or pages < step.pages // 2:
                raise ScenarioFailed(
                    f"{what}: {pages} pages in {found.stays} stays in Xen: nothing to tell",
                    where=f"{guest.name}, profile {ctx.profile}",
                )
            tables.append(found.table(f"{guest.name}, {step.content.value}, {what}", pages))
            whole[what] = (found.total - found.codec) / pages
            ctx.folder.metric("path_with_trap_insns", whole[what], "insns", path=what, **labels)
            load.verify()
        load.stop()
        # The same ratio as latency.py's, by what a guest pays.
        ratio = whole["bulk"] / whole["fault"]
        ctx.folder.metric("bulk_path_vs_fault", ratio, "ratio", window="trap", **labels)
    (ctx.folder.path / "profile.txt").write_text("\n".join(tables), encoding="utf-8")
