# SPDX-License-Identifier: GPL-2.0-or-later
"""The one schema of a profile: every key, its type, its range and its built-in default."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from harness.build.aosp.spec import FILES, OF_IMAGE, OWN, XVDA, ImageKind, ImageSpec
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
_CONTROL = {
    GuestKind.LINUX: Control.SSH,
    GuestKind.ANDROID: Control.ADB,
    GuestKind.AOSP: Control.ADB,
}


def _absolute(value: str) -> str:
    path = Path(value).expanduser()
    if value and not path.is_absolute():
        raise ValueError("paths are absolute: a testbed is booted again from any folder")
    return str(path) if value else ""


def _kernel(value: str) -> str:
    return value if value in (OWN, OF_IMAGE) else _absolute(value)


Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
PathText = Annotated[str, AfterValidator(_absolute)]


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
    codec_only: bool = False
    codec: Literal["lzo", "lz4"] = "lzo"
    max_compressed: int = Field(default=0, ge=0)
    max_store_pages: int = Field(default=0, ge=0)
    weight: int = Field(default=0, ge=0, le=10_000)
    min_age: int = Field(default=0, ge=0, le=15)
    max_held: int = Field(default=0, ge=0, le=0xFFFFFFFF)


class AdbSection(_Section):
    transport: Literal["tcp"] = "tcp"
    port: int = Field(default=5555, ge=1, le=65535)


class ImageSection(_Section):
    """A user's own Android image: images/aosp/README.md."""

    kind: Annotated[ImageKind, Field(strict=False)]
    dir: PathText = ""
    boot: PathText = ""
    init_boot: PathText = ""
    vendor_boot: PathText = ""
    super: PathText = ""
    vbmeta: PathText = ""
    vbmeta_system: PathText = ""
    userdata: PathText = ""
    disk: PathText = ""
    kernel: Annotated[str, AfterValidator(_kernel)] = OWN
    cmdline_extra: str = ""
    bootconfig_extra: list[str] = []
    boot_devices: str = XVDA
    slot: Literal["_a", "_b", ""] = "_a"
    verify: Literal["off", "on"] = "off"
    userdata_mib: int = Field(default=2048, ge=1, le=1 << 20)
    adb: AdbSection = AdbSection()
    boot_timeout_s: Annotated[float, Field(gt=0, le=86_400, strict=False)] = 3600.0

    def to_spec(self) -> ImageSpec:
        """The same as a dataclass."""
        return ImageSpec(
            kind=self.kind,
            dir=self.dir,
            files={key: path for key in FILES if (path := getattr(self, key))},
            kernel=self.kernel,
            cmdline_extra=(self.cmdline_extra,) if self.cmdline_extra else (),
            bootconfig_extra=tuple(self.bootconfig_extra),
            boot_devices=self.boot_devices,
            slot=self.slot,
            verify=self.verify == "on",
            userdata_mib=self.userdata_mib,
            adb_port=self.adb.port,
            boot_timeout_s=self.boot_timeout_s,
        )


class GuestSection(_Section):
    enabled: bool = True
    start: bool = True
    kind: Annotated[GuestKind, Field(strict=False)]
    memory_mib: int = Field(ge=16)
    slice_mib: int = Field(default=0, ge=0)
    vcpus: int = Field(default=2, ge=1, le=8)
    swap_mib: int = Field(default=0, ge=0, le=65536)
    programs: bool = False
    ip: Annotated[str, AfterValidator(_guest_address)] | None = None
    ssh_port: Port = 0
    control: Annotated[Control, Field(strict=False)] | None = None
    compress: CompressSection = CompressSection()
    options: list[str] = []
    allow: list[str] = []
    image: ImageSection | None = None

    @model_validator(mode="after")
    def _image_where_it_belongs(self) -> Self:
        if (self.kind is GuestKind.AOSP) != (self.image is not None):
            raise ValueError(f"a table image belongs to kind {GuestKind.AOSP}, and to no other")
        return self


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
                    start=section.start,
                    memory_mib=section.memory_mib,
                    slice_mib=section.slice_mib,
                    vcpus=section.vcpus,
                    swap_mib=section.swap_mib,
                    programs=section.programs,
                    ip=section.ip or next(free),
                    ssh_port=section.ssh_port,
                    control=section.control or _CONTROL[section.kind],
                    compress=Compress(**section.compress.model_dump()),
                    options=tuple(section.options),
                    allow=tuple(section.allow),
                    image=section.image.to_spec() if section.image else None,
                )
                for key, section in self.guests.items()
                if section.enabled
            },
            timeouts=Timeouts(**self.timeouts.model_dump()),
        )
