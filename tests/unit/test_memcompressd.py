# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon's parts that need no guest: its controller on stall time, and its configuration."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.paths import repo_root

DAEMON = repo_root() / "guest-drivers" / "memcompressd"
TICK_MS = 250
# What they find ends the program: a test is not to depend on what comes after it.
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
NO_DRIVER, BAD_CONFIG = 3, 2


@dataclass(frozen=True)
class Tick:
    """What the controller sees; shares in thousandths, ``gained`` a part of what was asked."""

    pressure: int
    stall: int = 0
    gained: float = 0.5


@dataclass(frozen=True)
class Decision:
    pages: int
    over: bool
    why: str


def built(name: str, part: str, folder: Path) -> Path:
    """A program of this folder with one part of the daemon."""
    out = folder / name
    source = Path(__file__).with_name(f"memcompressd_{name}.c")
    flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", *SANITIZERS]
    subprocess.run(["cc", *flags, f"-I{DAEMON}", "-o", out, source, DAEMON / part], check=True)
    return out


@pytest.fixture(scope="session")
def ticks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("ticks", "controller.c", tmp_path_factory.mktemp("controller"))


def decide(program: Path, seen: Sequence[Tick]) -> list[Decision]:
    """One tick after another, each with what the one before had asked for."""
    found: list[Decision] = []
    with subprocess.Popen(
        [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked = 0
        for number, tick in enumerate(seen):
            now = 1000 + number * TICK_MS
            gained = int(asked * tick.gained)
            process.stdin.write(f"{now} {tick.pressure} {tick.stall} {asked} {gained}\n")
            process.stdin.flush()
            pages, over, why = process.stdout.readline().rstrip("\n").split("|")
            found.append(Decision(int(pages), over == "1", why))
            asked = int(pages)
        process.stdin.close()
    return found


def test_more_is_asked_for_the_longer_somebody_waits(ticks: Path) -> None:
    pages = [one.pages for one in decide(ticks, [Tick(400)] * 12)]
    assert pages[0] > 0
    assert pages == sorted(pages)
    assert pages[-1] > 3 * pages[0]


def test_the_rate_follows_the_load_up_and_down(ticks: Path) -> None:
    low, high = [Tick(30)] * 8, [Tick(800)] * 8
    found = decide(ticks, [*low, *high])
    assert found[15].pages - found[8].pages > 5 * (found[7].pages - found[0].pages)
    calm = decide(ticks, [*high, *[Tick(0)] * 12])
    assert not any(one.pages for one in calm[8:])
    assert any(one.over for one in calm)


def test_a_little_waiting_is_let_be(ticks: Path) -> None:
    found = decide(ticks, [Tick(19)] * 6)
    assert not any(one.pages for one in found)
    assert any(one.over for one in found)


def pauses(found: Sequence[Decision]) -> list[int]:
    """Ticks between two announcements of a back-off."""
    at = [n for n, one in enumerate(found) if one.why.startswith("backing off")]
    return [b - a for a, b in itertools.pairwise(at)]


def test_restores_that_take_too_long_stop_the_asking_and_pauses_double(ticks: Path) -> None:
    found = decide(ticks, [*[Tick(500)] * 4, *[Tick(500, stall=300)] * 200])
    first = found[4:8]
    assert [one.why for one in first[:2]] == ["restores take too long: less"] * 2
    assert first[2].why == "backing off: restores take too long"
    assert not any(one.pages for one in found[4:])
    # 1, 2, 4 and then 8 seconds, the most there is.
    assert pauses(found)[:4] == [4, 8, 16, 32]
    assert set(pauses(found)[4:]) == {32}


def test_what_gains_nothing_is_not_asked_for_again_and_again(ticks: Path) -> None:
    found = decide(ticks, [Tick(900, gained=0.0)] * 400)
    assert any("gains nothing" in one.why for one in found)
    # 100 s of it: once in a pause of 8 s, the longest, and a few times before.
    assert sum(1 for one in found if one.pages) < 20
    assert sum(1 for one in found[200:] if one.pages) <= 8


def test_asking_begins_again_when_the_stall_is_gone(ticks: Path) -> None:
    found = decide(ticks, [*[Tick(500, stall=500)] * 20, *[Tick(500)] * 60])
    assert not any(one.pages for one in found[:20])
    assert any(one.pages for one in found[20:])


LIMITED = 1


def shares(folder: Path, *looks: tuple[int, int, int, int, int]) -> list[str]:
    """What is said of looks 100 ms apart: waited system, cgroup, limited?, cgroup, limited?."""
    program = built("shares", "pressure.c", folder)
    lines = [(0, 0, 0, 0, 0), *looks]
    text = "".join(f"{100 * n} {' '.join(map(str, one))}\n" for n, one in enumerate(lines, 10))
    done = subprocess.run([program], input=text, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[1:]


def test_the_highest_share_is_told_with_whose_it_is(tmp_path: Path) -> None:
    """A cgroup's counts four times here: its target is a quarter of the system's."""
    assert shares(
        tmp_path,
        (10_000, 0, 0, 0, 0),
        (30_000, 10_000, 0, 4_000, 0),
        (90_000, 20_000, 0, 5_000, 0),
    ) == ["100 system", "400 1", "600 system"]


def test_what_waits_at_its_own_limit_is_taken_off_and_never_below_nothing(tmp_path: Path) -> None:
    """The kernel may have added to the cgroup's time what the system's does not show yet."""
    assert shares(
        tmp_path,
        (50_000, 20_000, LIMITED, 0, 0),
        (60_000, 40_000, LIMITED, 0, 0),
        (70_000, 60_000, LIMITED, 5_000, 0),
    ) == ["300 system", "0 system", "200 2"]


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("daemon")
    subprocess.run(["make", "-s", "-C", DAEMON, "CC=cc", f"OUT={out}"], check=True)
    return out / "memcompressd"


POLICY = """
#include "policy.h"

int64_t policy_score(const struct config *config, const struct process *p, const char **why)
{
	*why = "small";
	return p->rss_pages >= config->min_rss_pages ? p->rss_pages : 0;
}

unsigned int policy_min_age(const struct config *config, const struct process *p)
{
	return p->adj ? 0 : config->min_age;
}

bool policy_may_want_back(const struct config *config, const struct process *p)
{
	return config->hint && p->asked_adj;
}

bool policy_wants_back(const struct config *config, const struct process *p, int adj_now)
{
	return policy_may_want_back(config, p) && !adj_now;
}
"""


def test_another_policy_is_a_file_of_its_own_wherever_it_is(tmp_path: Path) -> None:
    policy = tmp_path / "largest_first.c"
    policy.write_text(POLICY)
    words = ["CC=cc", f"OUT={tmp_path}", f"POLICY={policy}"]
    subprocess.run(["make", "-s", "-C", DAEMON, *words], check=True)
    assert started(tmp_path / "memcompressd", "", tmp_path).returncode == NO_DRIVER


def started(daemon: Path, config: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = folder / "memcompressd.conf"
    path.write_text(config)
    return subprocess.run(
        [daemon, "-n", "-c", path], capture_output=True, text=True, timeout=30, check=False
    )


def test_the_shipped_configuration_is_one(daemon: Path, tmp_path: Path) -> None:
    shipped = (DAEMON / "memcompressd.conf").read_text()
    done = started(daemon, shipped, tmp_path)
    assert done.returncode == NO_DRIVER
    assert "no driver" in done.stdout


def test_the_shipped_configuration_names_every_key() -> None:
    source = (DAEMON / "config.c").read_text()
    keys = {
        line.strip()[4:].partition(",")[0]
        for line in source.splitlines()
        if line.strip().startswith("KEY(")
    }
    shipped = (DAEMON / "memcompressd.conf").read_text().splitlines()
    named = {line.partition("=")[0].strip() for line in shipped if "=" in line and line[0] != "#"}
    assert named == keys


@pytest.mark.parametrize(
    "line", ["unheard = 1", "tick_ms = many", "tick_ms = 1", "tick_ms", "tick_ms = 100 200", "= 3"]
)
def test_a_wrong_line_is_named(daemon: Path, tmp_path: Path, line: str) -> None:
    done = started(daemon, f"# first\n{line}\n", tmp_path)
    assert done.returncode == BAD_CONFIG
    assert "memcompressd.conf:2:" in done.stdout
