# SPDX-License-Identifier: GPL-2.0-or-later
"""What ``harness status`` says: the state of everything and the memory of everyone."""

from __future__ import annotations

import time
from typing import Any

from harness.hypervisor.memcompress import PAGE_KIB, DomainController, Stats
from harness.hypervisor.xl import Domain
from harness.testbed.live import Guest, Testbed, attach
from harness.testbed.record import Folder
from harness.testbed.states import State


def status(name: str | None = None) -> dict[str, Any]:
    """The document of ``status --json``; asks dom0 when there is one to ask.

    Raises the errors of asking; a testbed that is off or has failed is an answer.
    """
    folder = Folder.named(name)
    record = folder.read()
    document: dict[str, Any] = {
        "name": folder.name,
        "state": record.state.value,
        "failure": record.failure.as_json() if record.failure else None,
        "profile": record.profile or None,
        "overrides": list(record.overrides),
        "up_s": round(time.time() - record.started, 1) if record.state is not State.OFF else None,
        "timeline": dict(record.timeline),
        "pids": {"supervisor": record.supervisor_pid, "qemu": record.qemu_pid},
        "ports": dict(record.ports),
        "controller": record.controller,
        "host": None,
        "guests": {},
        "consoles": str(folder.consoles),
    }
    if record.state.rank >= State.DOM0.rank and record.failure is None:
        with attach(name) as testbed:
            _ask(testbed, document)
            failures = record.guest_failures
            for guest, failure in failures.items():
                document["guests"][guest]["failure"] = failure.as_json()
    return document


def _ask(testbed: Testbed, document: dict[str, Any]) -> None:
    memory = testbed.xl.host_memory()
    host: dict[str, Any] = {"total_kib": memory.total_kib, "free_kib": memory.free_kib}
    document["host"] = host
    domains = testbed.xl.domains()
    for name, guest in testbed.guests.items():
        domain = domains.get(name)
        stats = guest_stats(testbed, guest, domain)
        document["guests"][name] = guest_status(guest, domain, stats)
        if stats is not None:
            # The controller counts pages where xl rounds to MiB.
            host["total_kib"] = stats.host_total * PAGE_KIB
            host["free_kib"] = stats.host_free * PAGE_KIB
            host["reserve_kib"] = stats.reserve * PAGE_KIB


def guest_stats(testbed: Testbed, guest: Guest, domain: Domain | None) -> Stats | None:
    """The controller's books of a guest, if it has any."""
    if domain is None or not testbed.controller_present or not guest.config.compress.enabled:
        return None
    return DomainController(testbed.dom0, domain.domid).stats()


def guest_status(guest: Guest, domain: Domain | None, stats: Stats | None) -> dict[str, Any]:
    """One guest's part of the document; without a controller everything is resident."""
    nominal_kib = domain.memory_mib * 1024 if domain else 0
    common = {
        "kind": guest.config.kind.value,
        "domid": domain.domid if domain else None,
        "state": domain.state if domain else "off",
        "failure": None,
    }
    if stats is None:
        return common | {
            "nominal_kib": nominal_kib,
            "resident_kib": nominal_kib,
            "compressed_pages": 0,
            "zero_pages": 0,
            "same_pages": 0,
            "lzo_pages": 0,
            "stored_bytes": 0,
            "gained_kib": 0,
            "restores": {},
        }
    return common | {
        "nominal_kib": stats.nominal * PAGE_KIB,
        "resident_kib": stats.resident * PAGE_KIB,
        "compressed_pages": stats.compressed,
        "zero_pages": stats.zero,
        "same_pages": stats.same,
        "lzo_pages": stats.lzo,
        "stored_bytes": stats.stored_bytes,
        "gained_kib": stats.gained_kib,
        "restores": dict(stats.restores),
    }
