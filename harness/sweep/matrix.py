# SPDX-License-Identifier: GPL-2.0-or-later
"""A matrix: scenarios, seeds, and values of their keys; every combination is a job.

version = 1
name = "memory"
scenarios = ["first-light"]
seeds = [1, 2]

[fixed]
guests = ["linux"]

[dimensions]                                # keys as `harness run --set` takes them
"settings.guests.linux.memory_mib" = [48, 64]
profiles = [["soft-af"], ["hw-af"]]
"""

from __future__ import annotations

import itertools
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.config import load_profile
from harness.errors import UsageError
from harness.report.run import SCHEMA
from harness.scenarios.schema import Scenario, load_scenario
from harness.sources.cache import digest_of

# QEMU's own, and the harness beside it.
OVERHEAD_MIB = 700


class Matrix(BaseModel):
    """One matrix file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    scenarios: Annotated[tuple[str, ...], Field(min_length=1)]
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (1,)
    fixed: dict[str, Any] = {}
    dimensions: dict[str, Annotated[list[Any], Field(min_length=1)]] = {}


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a scenario.

    key:        hash of all that its result depends on
    scenario:   shipped name, or the text of the file: a worker may have no such path
    at:         its values of the matrix's dimensions
    digests:    of what it boots
    memory_mib, processors: what its largest testbed takes of the host
    """

    key: str
    scenario: str
    text: str | None
    seed: int
    overrides: tuple[str, ...]
    at: Mapping[str, Any]
    digests: Mapping[str, str]
    memory_mib: int
    processors: int

    def __str__(self) -> str:
        words = [self.scenario, f"seed={self.seed}"]
        return " ".join(words + [f"{k}={v}" for k, v in self.at.items()])


def read_matrix(path: Path) -> Matrix:
    """Raises UsageError that names the file and the key."""
    try:
        return Matrix.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"matrix cannot be read: {error}", where=str(path)) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UsageError(first["msg"], where=f"{path}, key {key}") from error


def expand(matrix: Matrix, digests: Mapping[str, str], *, folder: Path) -> list[Job]:
    """All jobs, each checked: a scenario that is wrong is known before anything runs.

    digests: of what is booted; the results of another Xen are other results
    folder:  where paths of scenarios begin

    Raises UsageError for the first that is wrong.
    """
    jobs: dict[str, Job] = {}
    names = list(matrix.dimensions)
    for scenario in matrix.scenarios:
        for values in itertools.product(*matrix.dimensions.values()):
            at = dict(zip(names, values, strict=True))
            overrides = [f"{k}={_toml(v)}" for k, v in {**matrix.fixed, **at}.items()]
            for seed in matrix.seeds:
                job = _job(scenario, overrides, seed, at, digests, folder)
                # Two that come to the same are one.
                jobs.setdefault(job.key, job)
    return list(jobs.values())


def _job(
    scenario: str,
    overrides: Sequence[str],
    seed: int,
    at: Mapping[str, Any],
    digests: Mapping[str, str],
    folder: Path,
) -> Job:
    is_path = "/" in scenario or scenario.endswith(".toml")
    path = str(folder / scenario) if is_path else scenario
    wanted = load_scenario(path, overrides)
    memory_mib, processors = _needs(wanted)
    made_of = {
        "schema": SCHEMA,
        "scenario": wanted.model_dump(mode="json"),
        "seed": seed,
        "digests": dict(digests),
    }
    text = Path(path).read_text(encoding="utf-8") if is_path else None
    return Job(
        key=digest_of(made_of),
        scenario=scenario,
        text=text,
        seed=seed,
        overrides=tuple(overrides),
        at=at,
        digests=dict(digests),
        memory_mib=memory_mib,
        processors=processors,
    )


def _needs(scenario: Scenario) -> tuple[int, int]:
    """Memory and processors of the largest testbed, which must be possible."""
    memory_mib, processors = 0, 1
    settings = [f"{k}={_toml(v)}" for k, v in scenario.settings.items()]
    for profile in scenario.profiles:
        board = load_profile(profile, overrides=settings).profile.board
        memory_mib = max(memory_mib, board.memory_mib + OVERHEAD_MIB)
        processors = max(processors, board.cpus if board.thread == "multi" else 1)
    return memory_mib, processors


def _toml(value: Any) -> str:
    # A string stays bare where the scenario takes it so; JSON's other values are TOML's.
    return value if isinstance(value, str) else json.dumps(value)
