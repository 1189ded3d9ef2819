# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's driver on kernels of Debian's: 6.1, and the newest that there is.

Nothing of a guest like that is configured by us, and it has no network: what it does is in its
/init, it tells by its console, and Xen's own statistics say whether it is true.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from pathlib import Path

import pytest

from harness.build import debian_kernel
from harness.build.artifacts import existing
from harness.build.driver import MODULE, build_debian_driver
from harness.build.initramfs import Tree, write_initramfs
from harness.deadline import Deadline
from harness.hypervisor import DomainController, Xl
from harness.scenarios.content import ContentClass, Corpus, expected_digests
from harness.testbed import Testbed
from harness.testing import TestbedPool
from harness.transport.base import Transport
from tests.integration.compression import SETUP
from tests.integration.domains import paused_domain

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

PAGES = 4096
SEED = 7
MEMORY_MIB = 256
CONSOLE = "/var/log/xen/console/guest-{name}.log"
INIT = f"""#!/bin/sh
# shellcheck source=images/common/etc/xmc/early.sh
. /etc/xmc/early.sh
say() {{ echo "XMC-SAYS $*" > /dev/hvc0; }}
say release "$(uname -r)"
insmod /debian/{MODULE} && say loaded
memload serve --socket /tmp/m --class text --seed {SEED} --pages {PAGES} --threads 1 --detach \\
    > /run/pid
memload ctl --socket /tmp/m fill 1
cat /run/pid > /sys/kernel/xen_memcompress/compress && say asked
say digests "$(memload ctl --socket /tmp/m digest 42 | sha256sum)"
memload ctl --socket /tmp/m exit
rmmod xen_memcompress && say unloaded
say end
while :; do sleep 60; done
"""


@pytest.fixture
def alone(request: pytest.FixtureRequest, testbeds: TestbedPool) -> Testbed:
    """Without Android: what that has is for the guest of the test."""
    profile = request.config.getoption("--profile")
    return testbeds.get(profile, ["guests.android.enabled=false"])


def said(dom0: Transport, name: str) -> dict[str, str]:
    log = dom0.succeed(f"cat {CONSOLE.format(name=name)} 2>/dev/null || true")
    return dict(re.findall(r"XMC-SAYS (\w+) ?([^\r\n]*)", log))


def push_guest(dom0: Transport, kernel: debian_kernel.DebianKernel, folder: Path) -> list[str]:
    """Put kernel and initramfs into dom0; lines of the domain's config."""
    module = build_debian_driver(kernel).path / MODULE
    assert debian_kernel.compiled_for(module) == kernel.release
    debian_kernel.fetch_image(kernel, folder / "Image")
    tree = Tree()
    tree.folder("debian")
    tree.file(f"debian/{MODULE}", module.read_bytes())
    tree.file("debian/init", INIT.encode(), mode=0o755)
    write_initramfs(tree, folder / "more")
    for name in ("Image", "more"):
        dom0.push(folder / name, f"/tmp/debian.{name}")
    # An initramfs may have several archives, one after the other.
    dom0.succeed("cat /guests/linux.initrd /tmp/debian.more > /tmp/debian.initrd")
    options = "console=hvc0 panic=-1 loglevel=6 rdinit=/debian/init xmc.host=debian"
    return [
        'kernel = "/tmp/debian.Image"',
        'ramdisk = "/tmp/debian.initrd"',
        f'extra = "{options}"',
        f"memory = {MEMORY_MIB}",
        f"maxmem = {MEMORY_MIB}",
    ]


@pytest.mark.parametrize("suite", debian_kernel.SUITES)
def test_the_driver_compresses_and_nothing_is_lost_on_debians_kernel(
    alone: Testbed, suite: str, tmp_path: Path
) -> None:
    dom0, name = alone.dom0, f"debian-{suite}"
    kernel = debian_kernel.newest(suite)
    settings = push_guest(dom0, kernel, tmp_path)
    dom0.succeed(shlex.join(["rm", "-f", CONSOLE.format(name=name)]))
    with paused_domain(dom0, name, *settings) as domid:
        controller = DomainController(dom0, domid)
        controller.enable(SETUP)
        Xl(dom0).unpause(domid)
        deadline = Deadline(900)
        while "end" not in (words := said(dom0, name)):
            deadline.check(f"{name} to end its round", str(words))
            alone.dom0.succeed("sleep 2")
        stats = controller.stats()
    assert words["release"] == kernel.release
    assert words.keys() >= {"loaded", "asked", "unloaded"}
    expected = expected_digests(
        ContentClass.TEXT, SEED, 1, PAGES, Corpus.load(existing().corpus.path)
    )
    assert words["digests"].split()[0] == hashlib.sha256(expected.tobytes()).hexdigest()
    # Its word is not enough: Xen has compressed most of it, and brought back what was read.
    assert stats.committed > 0.8 * PAGES
    assert sum(stats.restores.values()) > 0.8 * PAGES
    assert stats.corrupted == 0
