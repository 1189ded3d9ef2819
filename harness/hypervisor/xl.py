# SPDX-License-Identifier: GPL-2.0-or-later
"""Domains through Xen's own toolstack, ``xl`` in dom0."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import GuestError, HypervisorError
from harness.transport.base import Completed, Transport

XL_S = 60.0

# Event channels, the controller's books, domains with their vCPUs, run queues, timers: what an end
# of the log shows comes last.
LAST_LOOK = "eyqra"


@dataclass(frozen=True, slots=True)
class Domain:
    """One line of ``xl list``."""

    name: str
    domid: int
    memory_mib: int
    vcpus: int
    flags: str
    """Of r(unning), b(locked), p(aused), s(hut down), c(rashed), d(ying)."""

    @property
    def state(self) -> str:
        """One word for it."""
        for flag, word in (
            ("c", "crashed"),
            ("d", "dying"),
            ("s", "shutdown"),
            ("p", "paused"),
        ):
            if flag in self.flags:
                return word
        return "running"  # blocked is running and idle; between two states no flag is set


@dataclass(frozen=True, slots=True)
class HostMemory:
    """Memory of the board, in KiB."""

    total_kib: int
    free_kib: int


class Xl:
    """``xl`` in dom0."""

    def __init__(self, dom0: Transport) -> None:
        self._dom0 = dom0

    def create_paused(self, config: str, name: str) -> int:
        """Create the domain ``name`` from a config file in dom0, not running yet; its id."""
        self._xl("create", "-p", config, failing=f"creating {name}")
        return self.domid(name)

    def unpause(self, domain: str | int) -> None:
        """Let a paused domain run."""
        self._xl("unpause", str(domain), failing=f"unpausing {domain}")

    def set_slice(self, domid: int, mib: int) -> None:
        """Let a domain have so much of its memory: the balloon of its kernel follows.

        What ``xl mem-set`` does, which aborts on Arm.
        """
        key = f"/local/domain/{domid}/memory/target"
        self._dom0.run(["xenstore-write", key, str(mib * 1024)], timeout_s=XL_S).check("dom0")

    def pause(self, domain: str | int) -> None:
        """Stop a domain's vCPUs."""
        self._xl("pause", str(domain), failing=f"pausing {domain}")

    def destroy(self, domain: str | int) -> None:
        """End a domain at once."""
        self._xl("destroy", str(domain), failing=f"destroying {domain}")

    def domains(self) -> dict[str, Domain]:
        """All domains by name."""
        return {domain.name: domain for domain in parse_list(self._xl("list").text)}

    def domid(self, name: str) -> int:
        """Id of a running domain. Raises GuestError when there is none of that name."""
        answer = self._dom0.run(["xl", "domid", name], timeout_s=XL_S)
        if answer.status != 0 or not answer.text.strip().isdigit():
            raise GuestError(
                f"no domain {name!r} is running", where="dom0: xl domid", hint="harness status"
            )
        return int(answer.text)

    def host_memory(self) -> HostMemory:
        """What ``xl info`` says, in whole MiB by its nature."""
        info = parse_info(self._xl("info").text)
        return HostMemory(int(info["total_memory"]) * 1024, int(info["free_memory"]) * 1024)

    def info(self) -> dict[str, str]:
        """``xl info`` by key."""
        return parse_info(self._xl("info").text)

    def debug_keys(self, keys: str) -> None:
        """Press Xen's debug keys; what it prints is on the console."""
        self._xl("debug-keys", keys)

    def tell_all(self) -> None:
        """Have Xen print what it is at: what nobody can ask any more once it is gone."""
        for key in LAST_LOOK:
            self.debug_keys(key)

    def _xl(self, *words: str, failing: str = "") -> Completed:
        answer = self._dom0.run(["xl", *words], timeout_s=XL_S)
        if answer.status != 0:
            said = (answer.stderr + answer.stdout).decode("utf-8", "replace").strip()
            last = said.splitlines()[-1] if said else "it said nothing"
            raise HypervisorError(
                f"{failing or 'xl ' + words[0]} failed: {last}",
                where=f"dom0: xl {' '.join(words)}",
                hint="harness console xen",
                context=tuple(said.splitlines()),
            )
        return answer


def parse_list(text: str) -> list[Domain]:
    """The table of ``xl list``: Name, ID, Mem, VCPUs, State, Time(s)."""
    domains = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 6:
            continue
        name = " ".join(fields[:-5])
        domid, memory, vcpus, flags = fields[-5:-1]
        domains.append(Domain(name, int(domid), int(memory), int(vcpus), flags.replace("-", "")))
    return domains


def parse_info(text: str) -> dict[str, str]:
    """The ``key : value`` lines of ``xl info``."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {key.strip(): value.strip() for key, colon, value in pairs if colon}
