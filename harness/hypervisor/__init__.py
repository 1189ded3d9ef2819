# SPDX-License-Identifier: GPL-2.0-or-later
"""Xen as dom0 sees it: ``xl`` and ``xen-memcompress``, run over a Transport."""

from harness.hypervisor.memcompress import DomainController, Stats, StoredObject
from harness.hypervisor.xl import Domain, HostMemory, Xl

__all__ = ["Xl", "Domain", "HostMemory", "DomainController", "Stats", "StoredObject"]  # noqa: RUF022  most important first
