# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may have memory compressed is Flask's to say, where its policy is enforced."""

from __future__ import annotations

import errno
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
from harness.monitor.pressure import DRIVER
from harness.scenarios.live import LiveGuest
from harness.scenarios.load import guest_run
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
DENIED = r"avc:\s+denied\s+\{{ {} \}}"
# Of the toolstack's domctl, and of what a guest asks for itself.
DOMCTL, OWN = "mem_compress_op", "compress"


def flask_xen(root: Path, *, withheld: str | None) -> Path:
    """The image of a Xen with Flask, and with a policy that gives nobody that permission."""
    ours = root / "xen-patches"
    shutil.copytree(patches_dir(), ours)
    config = ours / "config"
    kept = [line for line in config.read_text().splitlines() if "CONFIG_XSM" not in line]
    config.write_text("\n".join(kept) + "\n" + OPTIONS)
    (patch,) = ours.glob("patches/*-xsm-flask-*.patch")
    head, *files = re.split(r"^(?=diff --git )", patch.read_text(), flags=re.MULTILINE)
    if withheld == DOMCTL:
        silent = [one for one in files if MODULES not in one.partition("\n")[0]]
        assert len(silent) == len(files) - 2
        patch.write_text(head + "".join(silent))
    elif withheld == OWN:
        given = f"+\t\t\t{OWN} }};"
        assert patch.read_text().count(given) == 1
        patch.write_text(patch.read_text().replace(given, "+\t\t\t};"))
    return xen_changed(ours)


@pytest.fixture
def enforcing(testbed_logs: Path, tmp_path: Path) -> Iterator[Callable[..., Testbed]]:
    """Boots a machine whose Xen enforces the policy, but for one permission that it lacks."""
    pools = list[TestbedPool]()

    def boot(*, withheld: str | None = None) -> Testbed:
        pools.append(TestbedPool(testbed_logs, flask_xen(tmp_path, withheld=withheld)))
        words = [*load_profile("default").profile.xen.options, *ENFORCING]
        options = ", ".join(f'"{word}"' for word in words)
        enabled = f"guests.linux.compress.enabled={str(withheld != DOMCTL).lower()}"
        return pools[-1].get(
            "default", ["guests.android.enabled=false", f"xen.options=[{options}]", enabled]
        )

    yield boot
    for pool in pools:
        pool.close()


def denials(testbed: Testbed, permission: str = DOMCTL) -> int:
    told = testbed.consoles()["xen"].read_text("utf-8", "replace")
    return len(re.findall(DENIED.format(permission), told))


def test_dom0_may_have_a_guest_compressed_where_the_policy_says_so(
    enforcing: Callable[..., Testbed],
) -> None:
    testbed = enforcing()
    # The mode is its status, too.
    assert testbed.dom0.run("xl getenforce").stdout == b"Enforcing\n"
    controller = testbed.guests["linux"].controller
    assert controller.compress() > 0
    assert controller.restore() > 0
    assert controller.stats().corrupted == 0
    # dom0's own books are part of a list of domains.
    assert DomainController(testbed.dom0, 0).stats().host_total > 0
    # And the guest may ask for itself: its driver has.
    assert guest_run(LiveGuest(testbed.guests["linux"]), f"cat {DRIVER}/now_held")
    assert denials(testbed) == denials(testbed, OWN) == 0


def test_nobody_may_where_the_policy_does_not_give_the_permission(
    enforcing: Callable[..., Testbed],
) -> None:
    testbed = enforcing(withheld=DOMCTL)
    with paused_domain(testbed.dom0, "victim") as domid:
        controller = DomainController(testbed.dom0, domid)
        for ask in (lambda: controller.enable(SETUP), controller.stats, controller.compress):
            before = denials(testbed)
            with pytest.raises(HypervisorError, match=r"[Pp]ermi"):
                ask()
            assert denials(testbed) == before + 1
        # It is a domain like any other otherwise.
        Xl(testbed.dom0).unpause("victim")


def test_a_guest_may_not_ask_for_itself_where_the_policy_does_not_say_so(
    enforcing: Callable[..., Testbed],
) -> None:
    """It is compressed all the same: that is the toolstack's to say."""
    testbed = enforcing(withheld=OWN)
    guest = LiveGuest(testbed.guests["linux"])
    # It said why, and is not there.
    told = guest_run(guest, f"dmesg | grep xen_memcompress && test ! -e {DRIVER}").decode()
    # Busybox's insmod has two tries.
    assert denials(testbed, OWN) == told.count(f"error -{errno.EACCES}") > 0
    before = guest.controller.stats().requests
    assert guest.controller.compress() > 0
    assert guest.controller.restore() > 0
    assert guest.controller.stats().requests == before == 0
    assert denials(testbed) == 0
