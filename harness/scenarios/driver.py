# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's driver and its daemon: there, or not there."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from harness.deadline import Deadline
from harness.monitor.pressure import DRIVER
from harness.scenarios.bed import Guest
from harness.scenarios.load import driver_counters, guest_run

MODULE = "/lib/modules/xen_memcompress.ko"
CONFIG = "/etc/memcompressd.conf"
DAEMON = "/etc/xmc/daemon.sh"
# The Android guest's init has a log of its own for the service; this is of a daemon begun here.
LOG = "/run/memcompressd.log"
COME_AND_GO_S = 30.0


def without_driver(guest: Guest) -> None:
    """End the daemon and unload the driver; the guest is as one that never had them."""
    guest_run(guest, "killall -q memcompressd; true")
    guest_run(guest, "! grep -q ^xen_memcompress /proc/modules || rmmod xen_memcompress")


def with_driver(guest: Guest, *, parameters: str = "", daemon: bool = True) -> None:
    """Load the driver anew, and begin the daemon as the image does.

    parameters: of the module, as insmod takes them
    """
    without_driver(guest)
    guest_run(guest, f"insmod {MODULE} {parameters}".rstrip())
    if daemon:
        start_daemon(guest)


def start_daemon(guest: Guest, *options: str) -> None:
    """Begin the daemon, with options of its own instead of the image's; wait until it watches."""
    guest_run(guest, "killall -q memcompressd; true")
    command = f"memcompressd {' '.join(options)}" if options else DAEMON
    guest_run(guest, f"{command} > {LOG} 2>&1 < /dev/null &")
    deadline = Deadline(COME_AND_GO_S)
    while "watching" not in daemon_log(guest):
        deadline.check(f"the daemon of {guest.name} to watch", last_seen=daemon_log(guest)[-200:])
        time.sleep(0.2)


def daemon_log(guest: Guest) -> str:
    """What the daemon has said since it began."""
    return guest_run(guest, f"cat {LOG}").decode(errors="replace")


def resident_bytes(guest: Guest) -> tuple[int, int]:
    """What driver and daemon have resident: the module's sections, and all pages of the process."""
    module = guest_run(guest, "grep ^xen_memcompress /proc/modules").split()[1]
    rss = guest_run(guest, "grep VmRSS /proc/$(pidof memcompressd)/status").split()[1]
    return int(module), int(rss) * 1024


@dataclass(frozen=True, slots=True)
class Activity:
    """What driver and daemon did in a time: requests to Xen, and how often the daemon ran."""

    requests: int
    wakeups: int


def activity(guest: Guest, seconds: float) -> Activity:
    """Watch them for so long. Nothing is to be seen where nobody waits for memory."""

    def now() -> Activity:
        status = guest_run(guest, "cat /proc/$(pidof memcompressd)/status").decode()
        switches = re.findall(r"_switches:\s+(\d+)", status)
        return Activity(driver_counters(guest)["requests"], sum(map(int, switches)))

    before = now()
    time.sleep(seconds)
    after = now()
    return Activity(after.requests - before.requests, after.wakeups - before.wakeups)


def driver_state(guest: Guest) -> str:
    """Every file of the driver that can be read, a line each."""
    return guest_run(guest, f"cd {DRIVER} 2> /dev/null && grep . * 2> /dev/null; true").decode()
