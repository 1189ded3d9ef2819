# SPDX-License-Identifier: GPL-2.0-or-later
"""stress-ng, which writes patterns to memory and verifies them itself."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.errors import GuestError, ScenarioFailed
from harness.report.run import Scalar
from harness.scenarios.bed import Guest
from harness.scenarios.load import REQUEST_TIMEOUT_S, guest_run
from harness.scenarios.workloads.base import Result, Setup
from harness.scenarios.workloads.programs import (
    ROOT,
    in_root,
    mount,
    needs_disk,
    parse_numbers,
    require_arm64,
)

PROGRAM = "/usr/bin/stress-ng"
SAID, TOOK, METRICS = "/run/stress-ng.log", "/run/stress-ng.took", "/run/stress-ng.yaml"
# Content of several kinds is a matter of the other workloads: this writes, rereads and compares.
METHOD = "incdec"
# stress-ng's operations are passes over a part of memory.
OPERATIONS = 40_000
# Exit status of stress-ng when what it verified was not so.
FAILED_VERIFICATION = 2


class StressNg:
    """Debian's stress-ng with --verify.

    It lives as long as one piece of work does: what holds pages only while they are there, as KSM
    does, has none of them when it is asked afterwards, and is taken for inactive.
    """

    name = "stress-ng"

    def settings(self, guest: str) -> Mapping[str, Scalar]:
        return needs_disk(guest)

    def start(self, guest: Guest, setup: Setup, *, prefix: Sequence[str] = ()) -> RunningStressNg:
        mount(guest)
        require_arm64(guest, f"{ROOT}{PROGRAM}")
        operations = max(1, int(OPERATIONS * setup.work))
        return RunningStressNg(guest, setup.seed, setup.mib, operations, tuple(prefix))


@dataclass(slots=True)
class RunningStressNg:
    """What it is to do, again and again."""

    guest: Guest
    seed: int
    mib: int
    operations: int
    prefix: tuple[str, ...]
    verified: int = 0
    name: str = StressNg.name

    def work(self) -> Result:
        """Raises ScenarioFailed when stress-ng found a byte that it had not written."""
        words = [PROGRAM, "--vm", "1", "--vm-bytes", f"{self.mib}M", "--vm-method", METHOD]
        words += ["--vm-keep", "--vm-ops", str(self.operations), "--seed", str(self.seed)]
        words += ["--verify", "--oomable", "--metrics", "--yaml", METRICS, "--temp-path", "/tmp"]
        command = shlex.join(
            [*self.prefix, "memload", "run", "--result", TOOK, "--", *in_root(*words)]
        )
        command = f"rm -f {METRICS}; {command} > {SAID} 2>&1; cat {TOOK}"
        out = guest_run(self.guest, command, timeout_s=REQUEST_TIMEOUT_S)
        took, _ = parse_numbers(out, ("status", "signal", "hz", "ticks"), where=self.name)
        said = guest_run(self.guest, f"cat {SAID}").decode(errors="replace")
        if took["status"] == FAILED_VERIFICATION:
            raise ScenarioFailed(f"stress-ng: {said[-300:]}", where=self.guest.name)
        if took["status"] or took["signal"]:
            raise GuestError(f"stress-ng did not end well: {said[-300:]}", where=self.guest.name)
        metrics = guest_run(self.guest, f"cat {METRICS}").decode(errors="replace")
        done = parse_metrics(metrics, where=self.guest.name)
        self.verified += done
        return Result(done, "operations", took["ticks"], took["hz"])

    def verify(self) -> int:
        """Each operation was verified as it was done: how many so far."""
        return self.verified

    def stop(self) -> None:
        guest_run(self.guest, "killall -q -9 stress-ng stress-ng-vm; true")


def parse_metrics(text: str, *, where: str) -> int:
    """Operations of its memory stressor. Raises GuestError when it did none: it was killed."""
    found = re.search(r"^\s*bogo-ops: (\d+)", text, re.MULTILINE)
    if found is None or found[1] == "0":
        raise GuestError(
            "stress-ng did nothing",
            where=where,
            hint="its worker was killed, or --vm-bytes was refused",
        )
    return int(found[1])
