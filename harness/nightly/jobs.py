# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs at night. One line a job; a tier includes those below it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass

HARNESS = (sys.executable, "-m", "harness.cli.app")
PYTEST = (sys.executable, "-m", "pytest")
FUZZ = "tests/hypervisor/test_fuzz.py"
HOSTILE = "tests/integration/test_compress_hostile.py"
KERNELS = "tests/integration/test_driver_kernels.py"
FLASK = "tests/integration/test_flask.py"
TECHNIQUES = "tests/integration/test_techniques.py"
# Slow tests that are jobs of their own.
NIGHTLY = (FUZZ, HOSTILE, KERNELS, FLASK, TECHNIQUES)
TOTAL = "round-trips.total"


@dataclass(frozen=True, slots=True)
class Job:
    """A command with a name and a limit. ``{out}`` in it stands for the job's own folder."""

    name: str
    tier: int
    argv: Sequence[str]
    limit_s: float

    @property
    def is_pytest(self) -> bool:
        """Whether it leaves a JUnit file."""
        return tuple(self.argv[:3]) == PYTEST


# What guests ask for, and how they fare: with the driver and without.
GUESTS = tuple(
    f"tests/integration/test_{name}.py"
    for name in (
        *("driver", "driver_growth", "driver_idle", "driver_alive", "driver_storm"),
        *("driver_absent", "driver_ends", "driver_android", "memcompressd", "broker"),
        *("android", "android_compressed", "aosp_image"),
    )
)


def _tests(*words: str, marks: str = "not slow and not debug_xen") -> tuple[str, ...]:
    return (*PYTEST, "-m", marks, "--junitxml={out}/junit.xml", *words)


def _run(scenario: str, *words: str) -> tuple[str, ...]:
    return (*HARNESS, "run", scenario, "--out", "{out}/run", *words)


def _needing(extra: str, *words: str) -> tuple[str, ...]:
    """A command that needs more of this machine than the rest does."""
    doctor = shlex.join((*HARNESS, "doctor", "--with", extra))
    return ("sh", "-c", f"{doctor} && exec {shlex.join(words)}")


def _with_debug_xen(*words: str) -> tuple[str, ...]:
    """Tests on a Xen with assertions; whatever comes of them, the release Xen is back after."""
    build = shlex.join((*HARNESS, "build", "xen"))
    tests = shlex.join(_tests(*words, marks="not slow"))
    return ("sh", "-c", f"{build} --debug && {tests}; status=$?; {build}; exit $status")


JOBS: tuple[Job, ...] = (
    # 1: what `make test` runs, and the scenario of `make boot`
    Job("lint", 1, ("make", "lint"), 600),
    Job("unit", 1, _tests("tests/unit", "tests/hypervisor"), 1200),
    Job("integration", 1, _tests("tests/integration"), 3600),
    Job("first-light", 1, _run("first-light"), 1200),
    # 2: the same on the other profiles, and the long scenarios
    Job("integration-soft-af", 2, _tests("tests/integration", "--profile=soft-af"), 3600),
    Job("integration-hw-af", 2, _tests("tests/integration", "--profile=hw-af"), 3600),
    Job("integration-debug", 2, _with_debug_xen("tests/integration", "-k", "compress"), 3600),
    Job("guests", 2, _tests(*GUESTS, marks="slow"), 2 * 3600),
    Job("techniques", 2, _tests(TECHNIQUES, marks="slow"), 3600),
    Job("lru", 2, _run("lru"), 3600),
    Job("latency", 2, _run("latency"), 3600),
    Job("store-density", 2, _run("store-density"), 3600),
    Job("density", 2, _run("density"), 2 * 3600),
    Job("boot-storm", 2, _run("boot-storm"), 3600),
    Job("alternate", 2, _run("alternate"), 3600),
    Job("dependents", 2, _run("dependents"), 3600),
    Job("quick", 2, _run("quick"), 3600),
    Job("stretch", 2, _run("stretch"), 3600),
    Job("app-switch", 2, _run("app-switch"), 3600),
    Job("apps-alive", 2, _run("apps-alive"), 3600),
    Job("minimum-memory", 2, _run("minimum-memory"), 3600),
    Job("minimum-memory-android", 2, _run("minimum-memory-android"), 2 * 3600),
    Job("roundtrip", 2, _run("roundtrip"), 3600),
    Job("roundtrip-10m", 2, _run("roundtrip", "--set", f"{TOTAL}=10_000_000"), 3 * 3600),
    Job("mutations", 2, (sys.executable, "-m", "harness.nightly.mutations"), 4 * 3600),
    # Ten million executions of each target, other ones each day, and which lines the corpus runs;
    # half an hour of attacks.
    Job("fuzz", 2, _tests(FUZZ, "-rP", marks="slow or not slow"), 3 * 3600),
    Job("hostile", 2, _tests(HOSTILE, marks="slow"), 3600),
    Job("patches", 2, _needing("arm32", *HARNESS, "patches", "check", "--full"), 3600),
    Job("patches-newest", 2, (*HARNESS, "patches", "check", "--xen", "newest"), 1800),
    Job("flask", 2, _needing("flask", *_tests(FLASK, marks="slow")), 1800),
    Job("driver-kernels", 2, _tests(KERNELS, marks="slow"), 3600),
    # 3: for a weekend
    Job("slow", 3, _tests(*(f"--ignore={path}" for path in NIGHTLY), marks="slow"), 6 * 3600),
    Job("roundtrip-seed-2", 3, _run("roundtrip", "--seed", "2"), 3600),
    Job("roundtrip-seed-3", 3, _run("roundtrip", "--seed", "3"), 3600),
)
TIERS = max(job.tier for job in JOBS)
