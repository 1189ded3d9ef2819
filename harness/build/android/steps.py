# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps of the Android image, each an object in the cache.

tools     dx, and the helpers of images/android/java/tools
core      jars of the boot class path                     (tools, AOSP's core library, ICU4J)
services  the zygote's own code, and what it preloads     (tools, core, java/guest)
native    launcher, JNI libraries, daemons, own programs  (AOSP's sources, native/)
image     all of it, Debian's files and the overlay as an ext4 image
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from harness.build import ext4, images
from harness.build.android import blueprint, corelib, image, jars, native, services, sources
from harness.build.android.recipe import Recipe
from harness.build.android.sources import Fetched
from harness.build.shell import run as run_tool
from harness.build.step import Built, compiler, run
from harness.paths import cache_dir, repo_root
from harness.progress import Step
from harness.sources.cache import sha256_of

# Raised when a step makes its output in another way.
_VERSION = 1


@dataclass(frozen=True)
class Steps:
    """Each property is built when it is first asked for.

    additions: what every guest's image has of ours: driver, memload, corpus
    """

    recipe: Recipe
    fetched: Fetched
    additions: Sequence[images.Addition]

    @cached_property
    def tools(self) -> Built:
        """Folders own/ and dx/ of classes, asm.jar."""
        inputs = {
            **self._code(corelib, sources),
            **self._archives("tools"),
            "asm": _hashes(self.fetched.build["bookworm"]),
            "own": self.recipe.folder / "java/tools",
            "javac": _javac_version(),
        }

        def make(out: Path, progress: Step) -> None:
            with _scratch() as work:
                progress.note("dx")
                unpacked = self._unpack("tools", work)
                debs = self._unpack_packages(self.fetched.build["bookworm"], work)
                corelib.build_tools(self.recipe.folder, debs, unpacked / "dalvik/dx/src", out)

        return run("android-tools", inputs, make)

    @cached_property
    def core(self) -> Built:
        """Jars of the boot class path; compile/core.jar to compile against."""
        inputs = {
            **self._code(corelib, blueprint, sources, jars),
            **self._archives("libcore"),
            "packages": _hashes(self.fetched.build["bookworm"]),
            "stubs": sha256_of(self.fetched.package_files["framework-stubs"]),
            "own": self.recipe.folder / "java/core",
            "tools": self.tools.digest,
        }

        def make(out: Path, progress: Step) -> None:
            with _scratch() as work:
                progress.note("unpacking")
                libcore = self._unpack("libcore", work)
                packages = [
                    *self.fetched.build["bookworm"],
                    self.fetched.package_files["framework-stubs"],
                ]
                debs = self._unpack_packages(packages, work)
                progress.note("javac, lambdas, dx")
                made = corelib.JavaTools.of(self.tools.path)
                corelib.build(self.recipe.folder, debs, libcore, made, work, out)

        return run("android-core", inputs, make)

    @cached_property
    def services(self) -> Built:
        """services.jar, tests.jar and preloaded-classes."""
        inputs = {
            **self._code(corelib, jars, services),
            "own": self.recipe.folder / "java/guest",
            "tests": self.recipe.folder / "java/tests",
            "preload": self.recipe.folder / "preload.txt",
            "core": self.core.digest,
        }

        def make(out: Path, progress: Step) -> None:
            progress.note("javac, dx")
            with _scratch() as work:
                made = corelib.JavaTools.of(self.tools.path)
                services.build(self.recipe.folder, self.core.path, made, work, out)

        return run("android-services", inputs, make)

    @cached_property
    def native(self) -> Built:
        """bin/ and lib/."""
        names = ("art", "libcore", "tools", "frameworks-native", "system-core")
        inputs = {
            **self._code(native, blueprint, sources),
            **self._archives(*names),
            "headers": _hashes(self.fetched.build["bookworm"]),
            "libraries": [_hashes(debs) for _, debs in sorted(self.fetched.guest.items())],
            "own": self.recipe.folder / "native",
            "compilers": [compiler(f"{native.TRIPLET}-{name}") for name in ("gcc", "g++")],
        }

        def make(out: Path, progress: Step) -> None:
            with _scratch() as work:
                progress.note("unpacking")
                folders = {name: self._unpack(name, work) for name in names}
                headers = self._unpack_packages(self.fetched.build["bookworm"], work)
                libs = work / "libs"
                # ART's libraries last: trixie has some of the same name in another version.
                for suite in ("trixie", "bookworm"):
                    sources.unpack_packages(self.fetched.guest[suite], libs)
                progress.note("compiling")
                native.Native(
                    native.Sources(
                        recipe=self.recipe.folder,
                        headers=headers,
                        libs=libs,
                        art=folders["art"],
                        libcore=folders["libcore"],
                        tools=folders["tools"],
                        frameworks_native=folders["frameworks-native"],
                        system_core=folders["system-core"],
                    ),
                    work / "objects",
                    out,
                ).build()

        return run("android-native", inputs, make)

    @cached_property
    def image(self) -> Built:
        """The ext4 image."""
        folder = self.recipe.folder
        inputs = {
            **self._code(image, jars),
            "writers": [sha256_of(Path(str(m.__file__))) for m in (ext4, images)],
            "core": self.core.digest,
            "services": self.services.digest,
            "native": self.native.digest,
            "packages": [_hashes(debs) for _, debs in sorted(self.fetched.guest.items())],
            "applications": [asdict(a) for a in self.recipe.applications],
            "files": folder / "files.txt",
            "overlay": folder / "overlay",
            "common": repo_root() / "images/common",
            "additions": [[one.to, one.digest, one.executable] for one in self.additions],
            **self._archives("androguard"),
        }

        def make(out: Path, progress: Step) -> None:
            with _scratch() as work:
                progress.note("unpacking")
                apps = self._unpack("androguard", work)
                guest = {
                    suite: sources.unpack_packages(debs, work / f"guest-{suite}")
                    for suite, debs in self.fetched.guest.items()
                }
                progress.note("packing")
                parts = image.Parts(
                    self.core.path, self.services.path, self.native.path, apps, guest
                )
                tree = image.assemble(self.recipe, parts, self.additions)
                image.write(tree, out / image.IMAGE, work)

        return run("android-image", inputs, make)

    # -- inputs -------------------------------------------------------------------------------

    @staticmethod
    def _code(*modules: object) -> dict[str, object]:
        """The code of a step is one of its inputs: no number to forget to raise."""
        files = [Path(str(vars(module)["__file__"])) for module in modules]
        return {"version": _VERSION, "code": [sha256_of(file) for file in files]}

    def _archives(self, *names: str) -> Mapping[str, object]:
        found: dict[str, object] = {}
        for name in names:
            archive = self.recipe.archives[name]
            patches = [sha256_of(patch) for patch in sources.patches_of(self.recipe, name)]
            found[f"archive {name}"] = [archive.file.sha256, archive.strip, archive.parts, patches]
        return found

    def _unpack(self, name: str, work: Path) -> Path:
        return sources.unpack_archive(
            self.recipe.archives[name],
            self.fetched.archives[name],
            sources.patches_of(self.recipe, name),
            work / name,
        )

    @staticmethod
    def _unpack_packages(debs: Sequence[Path], work: Path) -> Path:
        return sources.unpack_packages(debs, work / "packages")


@contextmanager
def _scratch() -> Iterator[Path]:
    base = cache_dir() / "tmp"
    base.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="android-", dir=base) as folder:
        yield Path(folder)


def _hashes(files: Sequence[Path]) -> list[str]:
    """The download cache has each file in a folder named by its content."""
    return [file.parent.name for file in files]


def _javac_version() -> str:
    return run_tool(["javac", "-version"]).strip()
