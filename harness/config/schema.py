# SPDX-License-Identifier: GPL-2.0-or-later
"""The one schema of a profile: every key, its type, its range and its built-in default."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from harness.config.model import (
    Board,
    Compress,
    Control,
    Dom0,
    Guest,
    GuestKind,
    Profile,
    Timeouts,
    Xen,
)

# QEMU's user network: the host is .2, dom0 sits on .15, guests from .21 on.
FIRST_GUEST_ADDRESS = ipaddress.IPv4Address("10.0.2.21")
LAST_GUEST_ADDRESS = ipaddress.IPv4Address("10.0.2.254")


def _guest_address(value: str) -> str:
    try:
        address = ipaddress.IPv4Address(value)
    except ipaddress.AddressValueError as error:
        raise ValueError(f"not an IPv4 address: {error}") from error
    if not FIRST_GUEST_ADDRESS <= address <= LAST_GUEST_ADDRESS:
        raise ValueError(f"guests have addresses {FIRST_GUEST_ADDRESS} to {LAST_GUEST_ADDRESS}")
    return str(address)


# Android has adb; a Linux guest has no adbd. Both have ssh.
_CONTROL = {GuestKind.LINUX: Control.SSH, GuestKind.ANDROID: Control.ADB}

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class _Section(BaseModel):
    # strict: "64" is no number and 1 is no truth value; a typo in a type is an error, not a guess
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class BoardSection(_Section):
    memory_mib: int = Field(ge=128, le=65536)
    cpu: str = Field(pattern=r"^[a-z0-9-]+$")
    cpus: int = Field(ge=1, le=8)
    gic: Literal[2, 3] = 3
    thread: Literal["multi", "single"] = "multi"
    icount_shift: int | None = Field(default=None, ge=0, le=10)


class XenSection(_Section):
    options: list[str] = []


class Dom0Section(_Section):
    memory_mib: int = Field(ge=64)
    vcpus: int = Field(ge=1, le=8)
    ssh_port: Port = 0
    options: list[str] = []


class CompressSection(_Section):
    enabled: bool = True
    sweep_ms: int = Field(default=0, ge=0, le=3_600_000)
    crc: bool = True
    guest_ops: bool = True
    sw_af: bool = False
    codec: Literal["lzo", "lz4"] = "lzo"
    max_compressed: int = Field(default=0, ge=0)
    max_store_pages: int = Field(default=0, ge=0)
    weight: int = Field(default=0, ge=0, le=10_000)
    min_age: int = Field(default=0, ge=0, le=15)


class GuestSection(_Section):
    enabled: bool = True
    kind: Annotated[GuestKind, Field(strict=False)]
    memory_mib: int = Field(ge=16)
    slice_mib: int = Field(default=0, ge=0)
    vcpus: int = Field(default=2, ge=1, le=8)
    ip: Annotated[str, AfterValidator(_guest_address)] | None = None
    ssh_port: Port = 0
    control: Annotated[Control, Field(strict=False)] | None = None
    compress: CompressSection = CompressSection()
    options: list[str] = []
    allow: list[str] = []


class TimeoutsSection(_Section):
    xen_s: Annotated[Seconds, Field(strict=False)] = 30.0
    dom0_s: Annotated[Seconds, Field(strict=False)] = 90.0
    guest_s: Annotated[Seconds, Field(strict=False)] = 240.0


GuestName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,15}$")]


class ProfileFile(_Section):
    """A profile with everything it extends laid under it."""

    board: BoardSection
    xen: XenSection = XenSection()
    dom0: Dom0Section
    guests: dict[GuestName, GuestSection] = {}
    timeouts: TimeoutsSection = TimeoutsSection()

    def to_profile(self, name: str) -> Profile:
        """The same as dataclasses, with an address for each guest that did not name one."""
        taken = {guest.ip for guest in self.guests.values() if guest.ip}
        free = (
            str(FIRST_GUEST_ADDRESS + i)
            for i in range(int(LAST_GUEST_ADDRESS) - int(FIRST_GUEST_ADDRESS) + 1)
            if str(FIRST_GUEST_ADDRESS + i) not in taken
        )
        return Profile(
            name=name,
            board=Board(**self.board.model_dump()),
            xen=Xen(tuple(self.xen.options)),
            dom0=Dom0(
                self.dom0.memory_mib,
                self.dom0.vcpus,
                self.dom0.ssh_port,
                tuple(self.dom0.options),
            ),
            guests={
                key: Guest(
                    name=key,
                    kind=section.kind,
                    memory_mib=section.memory_mib,
                    slice_mib=section.slice_mib,
                    vcpus=section.vcpus,
                    ip=section.ip or next(free),
                    ssh_port=section.ssh_port,
                    control=section.control or _CONTROL[section.kind],
                    compress=Compress(**section.compress.model_dump()),
                    options=tuple(section.options),
                    allow=tuple(section.allow),
                )
                for key, section in self.guests.items()
                if section.enabled
            },
            timeouts=Timeouts(**self.timeouts.model_dump()),
        )
