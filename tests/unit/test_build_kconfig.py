# SPDX-License-Identifier: GPL-2.0-or-later
"""Options that did not survive, and the fragments as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.build import kconfig
from harness.build.kernel import fragments
from harness.errors import HypervisorError, SetupError

RESULT = """#
# Automatically generated file; DO NOT EDIT.
#
CONFIG_XEN=y
CONFIG_HZ=100
# CONFIG_COREDUMP is not set
CONFIG_DEVICES="a,b"
"""


@pytest.fixture
def result(tmp_path: Path) -> Path:
    path = tmp_path / ".config"
    path.write_text(RESULT)
    return path


def test_what_survived_passes(result: Path) -> None:
    wanted = {"CONFIG_XEN": "y", "CONFIG_DEVICES": '"a,b"', "CONFIG_COREDUMP": "n"}
    kconfig.check(wanted, result, what="kernel")


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        ({"CONFIG_ZRAM": "y"}, "CONFIG_ZRAM: wanted y, is n"),
        ({"CONFIG_HZ": "250"}, "CONFIG_HZ: wanted 250, is 100"),
        ({"CONFIG_XEN": "n"}, "CONFIG_XEN: wanted n, is y"),
        ({"CONFIG_COREDUMP": "y"}, "CONFIG_COREDUMP: wanted y, is n"),
    ],
)
def test_an_option_that_did_not_survive_is_named(
    result: Path, wanted: dict[str, str], line: str
) -> None:
    with pytest.raises(SetupError, match="1 options of the kernel did not survive") as failure:
        kconfig.check(wanted, result, what="kernel")
    assert failure.value.context == (line,)


def test_of_xen_it_is_an_error_of_the_hypervisor(result: Path) -> None:
    with pytest.raises(HypervisorError):
        kconfig.check({"CONFIG_MEM_COMPRESS": "y"}, result, what="Xen", error=HypervisorError)


def test_an_option_that_nobody_set_is_off(result: Path) -> None:
    kconfig.check({"CONFIG_NEVER_HEARD_OF": "n"}, result, what="kernel")


def test_rendered_options_parse_to_themselves() -> None:
    options = {"CONFIG_A": "y", "CONFIG_B": "n", "CONFIG_C": '"x y"'}
    assert kconfig.parse(kconfig.render(options)) == options


def test_no_two_fragments_contradict_one_another() -> None:
    seen: dict[str, tuple[str, str]] = {}
    for name, path in fragments().items():
        for option, value in kconfig.load(path).items():
            assert option not in seen, f"{option} is in {seen[option][1]} and in {name}"
            seen[option] = (value, name)


@pytest.mark.parametrize(
    "option",
    [
        "CONFIG_XEN_BLKDEV_BACKEND",
        "CONFIG_XEN_NETDEV_FRONTEND",
        "CONFIG_PROC_PAGE_MONITOR",
        "CONFIG_PAGE_REPORTING",
        "CONFIG_ANDROID_BINDERFS",
        "CONFIG_ZRAM_BACKEND_LZO",
        "CONFIG_PANIC_ON_OOPS",
    ],
)
def test_the_fragments_ask_for_what_tests_and_guests_need(option: str) -> None:
    wanted = {k: v for path in fragments().values() for k, v in kconfig.load(path).items()}
    assert wanted[option] == "y"


def test_processes_leave_no_core_dumps() -> None:
    wanted = {k: v for path in fragments().values() for k, v in kconfig.load(path).items()}
    assert wanted["CONFIG_COREDUMP"] == "n"
