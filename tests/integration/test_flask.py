# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may have memory compressed is Flask's to say, where its policy is enforced."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.build.artifacts import xen_changed
from harness.build.xen import patches_dir
from harness.config import load_profile
from harness.errors import HypervisorError
from harness.hypervisor import DomainController, Xl
from harness.testbed import Testbed
from harness.testing import TestbedPool
from tests.integration.compression import SETUP
from tests.integration.domains import paused_domain

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

# Instead of what xen-patches/config says: the series' own policy, enforced.
OPTIONS = """CONFIG_XSM=y
CONFIG_XSM_FLASK=y
CONFIG_XSM_FLASK_POLICY=y
"""
ENFORCING = ("xsm=flask", "flask=enforcing")
# Where permissions are given to somebody; access_vectors only says which there are.
MODULES = "tools/flask/policy/modules/"
DENIED = re.compile(r"avc:\s+denied\s+\{ mem_compress_op \}")


def flask_xen(root: Path, *, permitted: bool) -> Path:
    """The image of a Xen with Flask; else with a policy that gives nobody the permission."""
    ours = root / "xen-patches"
    shutil.copytree(patches_dir(), ours)
    config = ours / "config"
    kept = [line for line in config.read_text().splitlines() if "CONFIG_XSM" not in line]
    config.write_text("\n".join(kept) + "\n" + OPTIONS)
    if not permitted:
        (patch,) = ours.glob("patches/*-xsm-flask-*.patch")
        head, *files = re.split(r"^(?=diff --git )", patch.read_text(), flags=re.MULTILINE)
        silent = [one for one in files if MODULES not in one.partition("\n")[0]]
        assert len(silent) == len(files) - 2
        patch.write_text(head + "".join(silent))
    return xen_changed(ours)


@pytest.fixture
def enforcing(testbed_logs: Path, tmp_path: Path) -> Iterator[Callable[..., Testbed]]:
    """Boots a machine whose Xen enforces the policy, with the permission or without it."""
    pools = list[TestbedPool]()

    def boot(*, permitted: bool) -> Testbed:
        pools.append(TestbedPool(testbed_logs, flask_xen(tmp_path, permitted=permitted)))
        words = [*load_profile("default").profile.xen.options, *ENFORCING]
        options = ", ".join(f'"{word}"' for word in words)
        enabled = f"guests.linux.compress.enabled={str(permitted).lower()}"
        return pools[-1].get(
            "default", ["guests.android.enabled=false", f"xen.options=[{options}]", enabled]
        )

    yield boot
    for pool in pools:
        pool.close()


def denials(testbed: Testbed) -> int:
    return len(DENIED.findall(testbed.consoles()["xen"].read_text("utf-8", "replace")))


def test_dom0_may_have_a_guest_compressed_where_the_policy_says_so(
    enforcing: Callable[..., Testbed],
) -> None:
    testbed = enforcing(permitted=True)
    # The mode is its status, too.
    assert testbed.dom0.run("xl getenforce").stdout == b"Enforcing\n"
    controller = testbed.guests["linux"].controller
    assert controller.compress() > 0
    assert controller.restore() > 0
    assert controller.stats().corrupted == 0
    # dom0's own books are part of a list of domains.
    assert DomainController(testbed.dom0, 0).stats().host_total > 0
    assert denials(testbed) == 0


def test_nobody_may_where_the_policy_does_not_give_the_permission(
    enforcing: Callable[..., Testbed],
) -> None:
    testbed = enforcing(permitted=False)
    with paused_domain(testbed.dom0, "victim") as domid:
        controller = DomainController(testbed.dom0, domid)
        for ask in (lambda: controller.enable(SETUP), controller.stats, controller.compress):
            before = denials(testbed)
            with pytest.raises(HypervisorError, match=r"[Pp]ermi"):
                ask()
            assert denials(testbed) == before + 1
        # It is a domain like any other otherwise.
        Xl(testbed.dom0).unpause("victim")
