# SPDX-License-Identifier: GPL-2.0-or-later
"""Native parts, cross-compiled: ART's launcher and JNI libraries, AOSP's daemons, our own programs.

Everything is linked against Debian's own libraries of the guest, never against the host's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from harness.build.android.blueprint import read_filegroups, resolve
from harness.build.shell import run

TRIPLET = "aarch64-linux-gnu"
STD = {".c": "-std=gnu11", ".cpp": "-std=gnu++17", ".cc": "-std=gnu++17"}

# Debian's sources are not ours to clean: no warnings. GCC 14 makes some of them errors in C.
_FOREIGN = (
    "-O2",
    "-g0",
    "-fPIC",
    "-w",
    "-fcommon",
    "-fpermissive",
    "-D_GNU_SOURCE",
    "-D_LARGEFILE64_SOURCE",
    "-DLINUX",
    "-DNDEBUG",
    "-D_Nullable=",
    "-D_Nonnull=",
)
_OWN = ("-O2", "-g0", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE")

# What Debian's libart was built with (debian/rules of android-platform-art): its classes have
# other layouts otherwise.
_ART = (
    "-DART_BASE_ADDRESS=0x60000000", "-DART_BASE_ADDRESS_MIN_DELTA=-0x1000000",
    "-DART_BASE_ADDRESS_MAX_DELTA=0x1000000", "-DART_DEFAULT_COMPACT_DEX_LEVEL=fast",
    "-DART_DEFAULT_GC_TYPE_IS_CMS", "-DART_ENABLE_ADDRESS_SANITIZER=1",
    "-DART_ENABLE_CODEGEN_arm64", "-DART_FRAME_SIZE_LIMIT=1736",
    "-DART_READ_BARRIER_TYPE_IS_BAKER=1", "-DART_USE_READ_BARRIER=1",
    "-DART_STACK_OVERFLOW_GAP_arm=8192", "-DART_STACK_OVERFLOW_GAP_arm64=8192",
    "-DART_STACK_OVERFLOW_GAP_mips=16384", "-DART_STACK_OVERFLOW_GAP_mips64=16384",
    "-DART_STACK_OVERFLOW_GAP_x86=8192", "-DART_STACK_OVERFLOW_GAP_x86_64=8192",
    "-DBUILDING_LIBART=1", "-DIMT_SIZE=43", "-DUSE_D8_DESUGAR=1",
    "-fno-rtti", "-fstrict-aliasing", "-fno-omit-frame-pointer",
    "-include", "cmath", "-include", "assert.h",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sources:
    """Folders the native step reads.

    recipe:  images/android
    headers: unpacked -dev packages (usr/include inside)
    libs:    unpacked packages of the guest (usr/lib inside)
    """

    recipe: Path
    headers: Path
    libs: Path
    art: Path
    libcore: Path
    tools: Path
    frameworks_native: Path
    system_core: Path


@dataclass(frozen=True, slots=True)
class Job:
    """One file to compile."""

    source: Path
    obj: Path
    flags: tuple[str, ...]


class Native:
    """Compiles and links into ``out`` (bin/ and lib/), with objects in ``work``."""

    def __init__(self, sources: Sources, work: Path, out: Path) -> None:
        self._s = sources
        self._work = work
        self._bin = out / "bin"
        self._lib = out / "lib"
        for folder in (work, self._bin, self._lib):
            folder.mkdir(parents=True, exist_ok=True)
        self._shims = sources.recipe / "native/include"
        self._android_libs = sources.libs / f"usr/lib/{TRIPLET}/android"
        self._helper = sources.tools / "libnativehelper"

    def build(self) -> None:
        """Everything, in the order in which one needs another."""
        self._native_helper()
        self._core_libraries()
        self._launcher()
        self._daemons()
        self._own()

    # -- the parts ----------------------------------------------------------------------------

    def _native_helper(self) -> None:
        """Its SONAME must be libnativehelper.so: ART asks by that name where a call comes from."""
        names = ("DlHelp", "ExpandableString", "JNIHelp", "JNIPlatformHelp", "JniConstants",
                 "JniInvocation", "file_descriptor_jni")  # fmt: skip
        objs = self._compile(
            [self._helper / f"{n}.c" for n in names],
            (*_FOREIGN, "-include", "string.h", "-include", "stdlib.h", *self._helper_includes()),
        )
        objs += self._compile([self._s.recipe / "native/art/helper_10.c"],
                              (*_OWN, "-fPIC", *self._helper_includes()))  # fmt: skip
        self._link_shared("libnativehelper.so", objs, [self._android("liblog.so.0"), "-ldl"])

    def _core_libraries(self) -> None:
        luni = self._s.libcore / "luni/src/main/native"
        ojluni = self._s.libcore / "ojluni/src/main/native"
        groups = read_filegroups([luni / "Android.bp", ojluni / "Android.bp"])
        flags = (*_FOREIGN, "-DU_USING_ICU_NAMESPACE=0", f"-I{luni}", f"-I{ojluni}",
                 *self._includes())  # fmt: skip
        core = self._compile([luni / f for f in resolve(groups, "luni_native_srcs")], flags)
        core += self._compile(
            [
                self._s.libcore
                / "dalvik/src/main/native/org_apache_harmony_dalvik_NativeTestTarget.cpp"
            ],
            flags,
        )
        io = self._compile([luni / f for f in resolve(groups, "libandroidio_srcs")], flags)
        jdk = self._compile([ojluni / f for f in resolve(groups, "libopenjdk_native_srcs")], flags)
        art = self._s.art
        jvm = self._compile([art / "openjdkjvm/OpenjdkJvm.cc"], self._art_flags())

        log = self._android("liblog.so.0")
        common = [self._lib / "libnativehelper.so", self._android("libbase.so.0"), log]
        icu = [self._system("libicui18n.so.72"), self._system("libicuuc.so.72")]
        zlib = self._system("libz.so.1")
        crypto = self._android("libcrypto.so.0")
        self._link_shared("libandroidio.so", io, [log])
        self._link_shared(
            "libjavacore.so", core,
            [self._lib / "libandroidio.so", *common, self._android("libziparchive.so.0"), crypto,
             *icu, self._system("libexpat.so.1"), zlib],
        )  # fmt: skip
        self._link_shared("libopenjdkjvm.so", jvm, [self._android("libart.so.0"), *common])
        self._link_shared(
            "libopenjdk.so", jdk,
            [self._lib / "libopenjdkjvm.so", self._lib / "libandroidio.so", *common, crypto,
             icu[1], zlib, "-lm", "-ldl"],
        )  # fmt: skip

    def _launcher(self) -> None:
        """dalvikvm, with the libraries that libart needs and does not name."""
        own = self._s.recipe / "native/art"
        objs = self._compile([self._s.art / "dalvikvm/dalvikvm.cc"], self._art_flags())
        objs += self._compile(
            [own / "stacks.c", self._s.recipe / "native/lib/ipv4.c"], (*_OWN, "-fPIC")
        )
        needed = [self._android(f"lib{n}.so.0") for n in (
            "sigchain", "base", "log", "backtrace", "ziparchive", "cutils")]  # fmt: skip
        # These two have no SONAME: a path given to the linker would be recorded as it is.
        by_name = [f"-L{self._android_libs}", "-l:libnativebridge.so.0", "-l:libnativeloader.so.0"]
        self._link(
            self._bin / "dalvikvm",
            ["-rdynamic", *objs, self._lib / "libnativehelper.so", "-Wl,--no-as-needed", *needed,
             *by_name, self._system("liblz4.so.1"), self._system("libz.so.1"),
             self._system("libatomic.so.1"), "-Wl,--as-needed",
             f"-Wl,-rpath-link,{self._android_libs}", "-Wl,--allow-shlib-undefined", "-ldl"],
            cxx=True,
        )  # fmt: skip
        for name, parts in (("icu_jni", ("icu_jni",)), ("zygote", ("zygote", "heap"))):
            files = [own / f"{part}.c" for part in parts]
            objs = self._compile(files, (*_OWN, "-fPIC", *self._helper_includes()))
            self._link_shared(f"lib{name}.so", objs, [])

    def _daemons(self) -> None:
        """servicemanager and lmkd of AOSP."""
        own = self._s.recipe / "native"
        shims = self._compile(
            [own / f"lib/{name}.c" for name in ("properties", "aosp", "log")],
            (*_OWN, f"-I{own / 'lib'}"),
        )
        log: list[str | Path] = [self._android("liblog.so.0"), self._android("libcutils.so.0"),
               f"-Wl,-rpath-link,{self._android_libs}", "-Wl,--allow-shlib-undefined"]  # fmt: skip
        manager = self._s.frameworks_native / "cmds/servicemanager"
        objs = self._compile(
            [manager / "binder.c", manager / "service_manager.c"],
            (*_FOREIGN, "-D__unused=__attribute__((unused))",
             f"-I{self._s.tools / 'system/core/libcutils/include'}", *self._includes()),
        )  # fmt: skip
        self._link(self._bin / "servicemanager", [*objs, *log])
        client = self._compile(
            [own / "service/service.c"],
            (*_OWN, f"-I{manager}", "-isystem", str(self._s.headers / "usr/include/android")),
        )
        # Found from a login too, and the libraries of its libraries with it.
        place = ["-Wl,--disable-new-dtags", "-Wl,-rpath,/system/lib64"]
        self._link(self._bin / "service", [*client, objs[0], *log, *place])
        lmkd = self._s.system_core / "lmkd"
        objs = self._compile(
            [lmkd / "lmkd.c", lmkd / "libpsi/psi.c"],
            (*_FOREIGN, "-DPAGE_SIZE=4096", "-include", "stdint.h", f"-I{lmkd / 'include'}",
             f"-I{lmkd / 'libpsi/include'}", f"-I{own / 'lib'}",
             *self._includes(), *(f"-I{self._s.system_core / lib / 'include'}"
                                  for lib in ("libcutils", "libsystem", "libprocessgroup"))),
        )  # fmt: skip
        # Static: it locks all that it maps.
        self._link(self._bin / "lmkd", ["-static", *objs, *shims])

    def _own(self) -> None:
        """Static: they run before, and without, any of the above."""
        own = self._s.recipe / "native"
        flags = (*_OWN, f"-I{own / 'lib'}")
        library = self._compile([own / "lib/properties.c"], flags)
        ipv4 = self._compile([own / "lib/ipv4.c"], (*_OWN, "-fPIC"))
        self._link_shared("libipv4.so", ipv4, ["-ldl"])
        for name in ("init", "am", "getprop"):
            objs = self._compile(sorted((own / name).glob("*.c")), flags)
            self._link(self._bin / name, ["-static", *objs, *library])

    # -- flags --------------------------------------------------------------------------------

    def _helper_includes(self) -> list[str]:
        inside = ("include", "include_platform", "header_only_include",
                  "include_platform_header_only", "include_jni", "include/nativehelper",
                  "header_only_include/nativehelper")  # fmt: skip
        return [*(f"-I{self._helper / i}" for i in inside), *self._android_includes()]

    def _android_includes(self) -> list[str]:
        return [f"-I{self._shims}", f"-I{self._s.headers / 'usr/include/android'}"]

    def _includes(self) -> list[str]:
        """Headers of the packages; behind the compiler's own for those it also has (zlib)."""
        return [
            *self._android_includes(),
            f"-I{self._s.headers / 'usr/include/android/nativehelper'}",
            "-idirafter", str(self._s.headers / f"usr/include/{TRIPLET}"),
            "-idirafter", str(self._s.headers / "usr/include"),
        ]  # fmt: skip

    def _art_flags(self) -> tuple[str, ...]:
        inside = (
            "",
            "cmdline",
            "runtime",
            "libartbase",
            "libartbase/arch",
            "libartpalette/include",
            "libdexfile",
            "libdexfile/external/include",
            "libelffile",
            "libprofile",
            "libnativebridge/include",
            "libnativeloader/include",
            "sigchainlib",
        )
        art = [f"-I{self._s.art / i}" for i in inside]
        # OpenjdkJvm.cc includes ../../libcore/...: from a folder whose parent's sibling that is.
        link = self._work / "art-parent"
        link.mkdir(exist_ok=True)
        if not (link / "libcore").is_symlink():
            (link / "libcore").symlink_to(self._s.libcore)
        (link / "a/b").mkdir(parents=True, exist_ok=True)
        if not (link / "a/../libcore").exists():
            raise AssertionError("unreachable: the link was just made")
        return (*_FOREIGN, *_ART, f"-I{self._shims}", *art, f"-I{link / 'a/b'}",
                *self._helper_includes(), *self._includes())  # fmt: skip

    def _android(self, name: str) -> Path:
        return self._android_libs / name

    def _system(self, name: str) -> Path:
        for folder in (f"usr/lib/{TRIPLET}", f"lib/{TRIPLET}"):
            path = self._s.libs / folder / name
            if path.exists():
                return path
        return self._s.libs / f"usr/lib/{TRIPLET}" / name

    # -- compiler -----------------------------------------------------------------------------

    def _compile(self, sources: Iterable[Path], flags: Sequence[str]) -> list[Path]:
        jobs = []
        for source in sources:
            # Two folders have a file of the same name: the object's has the whole path in it.
            name = "-".join(source.parts[-5:])
            jobs.append(Job(source, self._work / f"{name}.o", tuple(flags)))
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            for done in [pool.submit(_compile, job) for job in jobs]:
                done.result()
        return [job.obj for job in jobs]

    def _link_shared(self, name: str, objs: list[Path], libs: Sequence[str | Path]) -> None:
        self._link(
            self._lib / name,
            ["-shared", f"-Wl,-soname,{name}", "-Wl,--allow-shlib-undefined", *objs, *libs],
            cxx=True,
        )

    @staticmethod
    def _link(output: Path, arguments: Sequence[str | Path], *, cxx: bool = False) -> None:
        compiler = f"{TRIPLET}-{'g++' if cxx else 'gcc'}"
        run([compiler, "-o", output, "-s", "-Wl,--build-id=none", *arguments])


def _compile(job: Job) -> None:
    language = "g++" if job.source.suffix in (".cc", ".cpp") else "gcc"
    run([f"{TRIPLET}-{language}", STD[job.source.suffix], *job.flags, "-c", job.source,
         "-o", job.obj])  # fmt: skip
