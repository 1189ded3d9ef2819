# SPDX-License-Identifier: GPL-2.0-or-later
"""A process that waits for memory: its cgroup may have less than it wants."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.scenarios.bed import Guest
from harness.scenarios.load import guest_run

CGROUPS = "/sys/fs/cgroup"
FRONT = f"{CGROUPS}/front"


@contextmanager
def front_cgroup(guest: Guest) -> Iterator[None]:
    """There is the cgroup; at the end all loads of the guest are ended."""
    guest_run(guest, f"grep -q {CGROUPS} /proc/mounts || mount -t cgroup2 none {CGROUPS}")
    guest_run(guest, f"echo +memory > {CGROUPS}/cgroup.subtree_control; mkdir -p {FRONT}")
    yield
    guest_run(guest, f"killall -q -9 memload; sleep 0.5; rmdir {FRONT}")


@contextmanager
def waiting(guest: Guest, limit: str = "memory.high") -> Iterator[None]:
    """A process of the cgroup waits for memory: it wants more than the cgroup may have."""
    serve = "memload serve --socket /tmp/memload.front --pages 4096 --class random --seed 1"
    guest_run(
        guest,
        f"echo max > {FRONT}/memory.high; echo max > {FRONT}/memory.max;"
        f" echo {2 << 20} > {FRONT}/{limit};"
        f" sh -c 'echo $$ > {FRONT}/cgroup.procs; exec {serve}' > /dev/null 2>&1 < /dev/null &"
        " sleep 0.5; memload ctl --socket /tmp/memload.front fill 1 > /dev/null 2>&1 &",
    )
    yield
    guest_run(guest, f"for pid in $(cat {FRONT}/cgroup.procs); do kill -9 $pid; done")
