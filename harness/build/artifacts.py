# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything a testbed needs, built or found.

    build(["xen"])    make what is missing or older than its inputs
    existing()        what this checkout built last, checked; builds nothing

What was built last is noted in the cache, per checkout: an edit in progress does not take away
what was built before it.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.build import corpus, images, kernel, packages, programs, tools, xen
from harness.build.driver import MODULE, build_driver
from harness.build.linux_files import import_files
from harness.build.step import CROSS_COMPILE, Built
from harness.build.worktree import checkout_work
from harness.errors import SetupError, UsageError
from harness.paths import repo_root
from harness.sources import fetch_source, find
from harness.sources.cache import locked

TARGETS = ("all", "xen", "kernel", "driver", "images", "programs")
LINUX_SOURCE = "linux-source-6.12"
XEN_SOURCE = "xen"
HOST_CC = "cc"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A built file or folder; ``digest`` is the hash of the inputs that it was made from."""

    name: str
    path: Path
    digest: str


@dataclass(frozen=True, slots=True)
class Artifacts:
    """What was built.

    xen, xen_syms:     the image that boots, and the ELF file with its symbols
    kernel, vmlinux:   of dom0 and every guest
    dom0_initrd, linux_initrd: initramfs images
    driver:            xen_memcompress.ko for that kernel
    corpus:            folder with the files that memload cuts pages from
    memload_host:      memload for this machine
    memload:           memload for the guests
    tools:             folder with xen-memcompress for dom0, if there is a source of it
    android_root:      ext4 image of the Android guest, if this checkout can build one
    programs:          ext4 image with real programs for workloads, if it was built
    """

    xen: Artifact
    xen_syms: Artifact
    kernel: Artifact
    vmlinux: Artifact
    dom0_initrd: Artifact
    linux_initrd: Artifact
    driver: Artifact
    corpus: Artifact
    memload_host: Artifact
    memload: Artifact
    tools: Artifact | None = None
    android_root: Artifact | None = None
    programs: Artifact | None = None

    @property
    def android_kernel(self) -> Artifact:
        """The same for every guest."""
        return self.kernel


OPTIONAL = ("tools", "android_root", "programs")


def build(
    targets: Sequence[str] = ("all",), *, offline: bool = False, debug: bool = False
) -> dict[str, Artifact]:
    """Build the targets; whatever is up to date is left alone.

    offline: fail rather than fetch
    debug:   Xen with assertions

    Returns what these targets consist of, by name; ``existing`` has all. Raises SetupError,
    HypervisorError (Xen does not build), TransientError (network).
    """
    for target in targets:
        if target not in TARGETS:
            raise UsageError(f"no such target: {target}", hint=f"one of {', '.join(TARGETS)}")
    graph = Graph(offline=offline, debug=debug)
    found: dict[str, Artifact] = {}
    for target in targets:
        for part in graph.target(target):
            # Noted at once: what fails later does not take it away.
            _note(part, gone=graph.gone)
            found |= part
    return found


def existing() -> Artifacts:
    """What was built last. Raises SetupError when something is not, or no longer, there."""
    note = _read_note()
    found: dict[str, Artifact | None] = {}
    for field in fields(Artifacts):
        name = field.name
        artifact = _check(name, note[name]) if name in note else None
        if artifact is None and name not in OPTIONAL:
            raise SetupError(f"{name} is not built", hint="harness build")
        found[name] = artifact
    return Artifacts(**found)  # type: ignore[arg-type]


def xen_without_controller() -> Path:
    """Xen with our patches, configured without the controller; built if need be."""
    return xen.build_xen(Graph().xen_source, controller=False).path / xen.IMAGE


def xen_changed(ours: Path, *, debug: bool = False) -> Path:
    """The image of a Xen with another xen-patches/ than this checkout's; it is noted nowhere.

    Raises HypervisorError when it does not build.
    """
    return xen.build_xen(Graph().xen_source, debug=debug, changed=ours).path / xen.IMAGE


class Graph:
    """The steps and what each needs; each is run at most once."""

    def __init__(self, *, offline: bool = False, debug: bool = False) -> None:
        self.offline = offline
        self.debug = debug
        self.gone: set[str] = set()

    def target(self, name: str) -> Iterator[dict[str, Artifact]]:
        """Build a target, in parts that fit together each."""
        if name in ("all", "kernel"):
            yield self.kernel_artifacts()
        if name == "driver":
            yield self.kernel_artifacts() | _one("driver", self.driver, MODULE)
        if name in ("all", "xen"):
            # dom0 holds the tool, which speaks the ABI of exactly this Xen.
            yield self.xen_artifacts() | self.dom0_artifacts()
        if name in ("all", "images"):
            yield self.image_artifacts()
            yield self.android_artifacts()
        if name in ("all", "programs"):
            yield _one("programs", self.programs, programs.IMAGE)

    def xen_artifacts(self) -> dict[str, Artifact]:
        """Image and symbols."""
        return _one("xen", self.xen, xen.IMAGE) | _one("xen_syms", self.xen, xen.SYMBOLS)

    def kernel_artifacts(self) -> dict[str, Artifact]:
        """Image and symbols."""
        image = _one("kernel", self.kernel, kernel.IMAGE)
        return image | _one("vmlinux", self.kernel, kernel.VMLINUX)

    def dom0_artifacts(self) -> dict[str, Artifact]:
        """dom0 and its tool."""
        found = _one("dom0_initrd", self.dom0, images.INITRD)
        if self.control is None:
            self.gone.add("tools")
            return found
        return found | {"tools": Artifact("tools", self.control.path, self.control.digest)}

    def image_artifacts(self) -> dict[str, Artifact]:
        """dom0, the Linux guest, and what of them is needed on the host."""
        found = self.dom0_artifacts()
        found |= _one("linux_initrd", self.linux, images.INITRD)
        found |= _one("driver", self.driver, MODULE)
        found |= _one("memload", self.memload, tools.MEMLOAD)
        found |= _one("memload_host", self.memload_host, tools.MEMLOAD)
        found["corpus"] = Artifact("corpus", self.corpus.path, self.corpus.digest)
        return found

    def android_artifacts(self) -> dict[str, Artifact]:
        """The Android guest's disk; nothing in a checkout without its recipe."""
        name = "harness.build.android"
        try:
            module: Any = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
            self.gone.add("android_root")
            return {}
        built: Built = module.build_android(self)
        return _one("android_root", built, module.IMAGE)

    @cached_property
    def linux_source(self) -> packages.Packages:
        """Debian's package of the kernel's source."""
        return packages.fetch([LINUX_SOURCE], dependencies=False, offline=self.offline)

    @cached_property
    def kernel(self) -> Built:
        """The kernel."""
        source = self.linux_source
        return kernel.build_kernel(source.paths[0], source.hashes[0])

    @cached_property
    def driver(self) -> Built:
        """The guest driver."""
        return build_driver(self.kernel)

    @cached_property
    def xen_source(self) -> xen.XenSource:
        """The tarball, and what comes from Linux."""
        linux = self.linux_source
        tarball = fetch_source(XEN_SOURCE, offline=self.offline)
        imported = import_files(linux.paths[0], linux.hashes[0])
        return xen.XenSource(tarball.path, tarball.sha256, imported)

    @cached_property
    def xen(self) -> Built:
        """Xen."""
        return xen.build_xen(self.xen_source, debug=self.debug)

    @cached_property
    def control(self) -> Built | None:
        """dom0's tool."""
        return tools.build_control(self.xen) if tools.control_sources() else None

    @cached_property
    def memload(self) -> Built:
        """memload for guests."""
        return tools.build_memload(f"{CROSS_COMPILE}gcc")

    @cached_property
    def daemon(self) -> Built:
        """memcompressd for guests."""
        return tools.build_daemon()

    @cached_property
    def memload_host(self) -> Built:
        """memload for this machine."""
        return tools.build_memload(HOST_CC)

    @cached_property
    def corpus(self) -> Built:
        """Content of pages."""
        names = corpus.PACKAGES
        return corpus.build_corpus(packages.fetch(names, dependencies=False, offline=self.offline))

    @cached_property
    def dom0(self) -> Built:
        """dom0's image."""
        added = []
        if self.control is not None:
            path = self.control.path / tools.CONTROL
            added.append(images.Addition(path, f"usr/sbin/{tools.CONTROL}", self.control.digest))
        return images.build_image("dom0", self._packages("dom0"), added)

    @cached_property
    def programs(self) -> Built:
        """Real programs for workloads."""
        names = programs.wanted_packages()
        return programs.build_programs(
            packages.fetch(names, dependencies=False, offline=self.offline)
        )

    @cached_property
    def linux(self) -> Built:
        """The Linux guest's image."""
        return images.build_image("linux", self._packages("linux"), self.guest_additions)

    @cached_property
    def guest_additions(self) -> list[images.Addition]:
        """What every guest's image holds of ours: module, daemon, memload, corpus."""
        module = f"usr/lib/modules/{MODULE}"
        added = [
            images.Addition(self.driver.path / MODULE, module, self.driver.digest, False),
            images.Addition(
                self.memload.path / tools.MEMLOAD, "usr/bin/memload", self.memload.digest
            ),
            images.Addition(
                self.daemon.path / tools.DAEMON, f"usr/sbin/{tools.DAEMON}", self.daemon.digest
            ),
            images.Addition(
                repo_root() / "guest-drivers" / tools.DAEMON / tools.DAEMON_CONFIG,
                f"etc/{tools.DAEMON_CONFIG}",
                self.daemon.digest,
                False,
            ),
        ]
        for path in sorted(self.corpus.path.iterdir()):
            if path.name in corpus.FILES:
                to = f"corpus/{path.name}"
                added.append(images.Addition(path, to, self.corpus.digest, False))
        return added

    def _packages(self, image: str) -> packages.Packages:
        return packages.fetch(images.wanted_packages(image), offline=self.offline)


def _one(name: str, built: Built, file: str) -> dict[str, Artifact]:
    return {name: Artifact(name, built.path / file, built.digest)}


def _check(name: str, noted: dict[str, str]) -> Artifact:
    """An artifact of an object that is whole. Raises SetupError."""
    path = Path(noted["path"])
    for folder in (path, path.parent):
        step, _, digest = folder.name.rpartition("-")
        if digest == noted["digest"] and find(step, digest) == folder and path.exists():
            return Artifact(name, path, digest)
    raise SetupError(f"{name} is damaged or gone", where=str(path), hint="harness build")


def _note_path() -> Path:
    return checkout_work() / "built.json"


def _read_note() -> dict[str, dict[str, str]]:
    try:
        note: dict[str, dict[str, str]] = json.loads(_note_path().read_text())
    except (OSError, ValueError):
        return {}
    return note


def _note(found: Mapping[str, Artifact], *, gone: Collection[str]) -> None:
    """Add these to what was built last. Optional ones that are gone are built no more."""
    path = _note_path()
    with locked(f"built-{checkout_work().name}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        note = _read_note() | {
            name: {"path": str(one.path), "digest": one.digest} for name, one in found.items()
        }
        kept = {name: value for name, value in note.items() if name not in gone}
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(kept, indent=2, sort_keys=True))
        partial.rename(path)
