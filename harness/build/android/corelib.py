# SPDX-License-Identifier: GPL-2.0-or-later
"""The boot class path: AOSP's core library, Debian's ICU4J moved to android.icu, and API stubs.

core library: javac -> Desugar (lambdas) -> dx       core-oj.jar, core-libart.jar
ICU4J:        RelocateIcu -> dx                      core-icu4j.jar
API stubs:    dx                                     framework.jar
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from harness.build.android import jars
from harness.build.android.blueprint import read_filegroups, resolve
from harness.build.shell import run

_ASM = "usr/share/java/asm-all.jar"
_ICU = "usr/share/java/icu4j.jar"
_STUBS = "usr/share/java/com.android.android-23.jar"
# In the core step's output: its classes, for what is compiled against them.
COMPILE = Path("compile/core.jar")

# The last class file version that dx reads, and the first that has AOSP's java.base module.
_JAVA_RELEASE = "9"


@dataclass(frozen=True, slots=True)
class JavaTools:
    """Compiled helpers: folders or jars for a class path."""

    asm: Path
    own: Path
    dx: Path

    @classmethod
    def of(cls, folder: Path) -> JavaTools:
        """Those that build_tools() made there."""
        return cls(asm=folder / "asm.jar", own=folder / "own", dx=folder / "dx")

    def dex(self, classes: Path, jar: Path, *options: str) -> None:
        """classes (folder or jar) -> a jar with classes.dex."""
        run(
            ["java", "-Xmx2g", "-cp", self.dx, "com.android.dx.command.Main", "--dex", *options,
             "--min-sdk-version=28", f"--output={jar}", classes]
        )  # fmt: skip

    def own_tool(self, name: str, *arguments: Path) -> None:
        """Run one of images/android/java/tools."""
        run(["java", "-Xmx1g", "-cp", f"{self.own}:{self.asm}", name, *arguments])


def build_tools(recipe: Path, debs: Path, dx_sources: Path, out: Path) -> None:
    """Compile dx and the helpers of images/android/java/tools into ``out``."""
    tools = JavaTools.of(out)
    shutil.copyfile(debs / _ASM, tools.asm)
    javac(sorted((recipe / "java/tools").glob("*.java")), tools.own, "-cp", str(tools.asm))
    javac(sorted(dx_sources.rglob("*.java")), tools.dx, "-source", "8", "-target", "8")


def javac(sources: list[Path], classes: Path, *options: str) -> None:
    """Compile ``sources`` into the folder ``classes``."""
    classes.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".javac", encoding="utf-8") as arguments:
        arguments.writelines(f"{s}\n" for s in sources)
        arguments.flush()
        run(["javac", "-nowarn", "-Xlint:none", "-J-Xmx2g", "-encoding", "UTF-8", *options,
             "-d", classes, f"@{arguments.name}"])  # fmt: skip


def compile_core(recipe: Path, libcore: Path, icu: Path, classes: Path) -> None:
    """AOSP's core library as java.base, ICU beside it, to class files."""
    groups = read_filegroups(sorted(libcore.glob("*_java_files.bp")))
    sources = [libcore / f for f in resolve(groups, "openjdk_java_files")]
    sources += [libcore / f for f in resolve(groups, "non_openjdk_java_files")]
    sources += sorted((recipe / "java/core").rglob("*.java"))
    javac(
        [libcore / "luni/src/module/java/module-info.java", *sources],
        classes,
        "-g", "-source", _JAVA_RELEASE, "-target", _JAVA_RELEASE, "--system=none",
        "--patch-module", f"java.base={icu}",
        # invokedynamic for strings would need a bootstrap that AOSP does not have
        "-XDstringConcat=inline",
    )  # fmt: skip


def split_core(libcore: Path, classes: Path, oj: Path, libart: Path) -> None:
    """Part the class files as AOSP does: what comes from OpenJDK, and the rest."""
    groups = read_filegroups(sorted(libcore.glob("*_java_files.bp")))
    openjdk = {_class_name(f) for f in resolve(groups, "openjdk_java_files")}
    packages_of_openjdk = {os.path.dirname(c) for c in openjdk}
    rest = {_class_name(f) for f in resolve(groups, "non_openjdk_java_files")}
    for file in sorted(classes.rglob("*.class")):
        relative = file.relative_to(classes)
        top = relative.as_posix().removesuffix(".class")
        while top not in openjdk and top not in rest and "$" in top:
            top = top[: top.rindex("$")]
        if top in rest:
            is_openjdk = False
        else:
            is_openjdk = top in openjdk or os.path.dirname(top) in packages_of_openjdk
        target = (oj if is_openjdk else libart) / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def without_core(stubs: Path, core: Path, out: Path) -> None:
    """Of the API stubs, the classes that the core library does not have for real."""
    with zipfile.ZipFile(stubs) as jar, zipfile.ZipFile(out, "w") as kept:
        for name in sorted(jar.namelist()):
            if name.endswith(".class") and not (core / name).exists():
                kept.writestr(zipfile.ZipInfo(name), jar.read(name))


def _class_name(source: str) -> str:
    return source.split("/java/", 1)[1].removesuffix(".java")


def build(recipe: Path, debs: Path, libcore: Path, tools: JavaTools, work: Path, out: Path) -> None:
    """Make the jars of the boot class path in ``out``.

    recipe:  images/android
    debs:    unpacked Debian packages (ASM, ICU4J, API stubs)
    libcore: patched sources of AOSP's core library
    """
    out.mkdir(parents=True, exist_ok=True)
    icu = work / "icu.jar"
    tools.own_tool("RelocateIcu", debs / _ICU, icu)
    with ThreadPoolExecutor(max_workers=2) as pool:
        others = [pool.submit(tools.dex, icu, out / "core-icu4j.jar", "--core-library")]
        classes, desugared = work / "core", work / "core-desugared"
        compile_core(recipe, libcore, icu, classes)
        stubs = work / "framework-stubs.jar"
        without_core(debs / _STUBS, classes, stubs)
        others.append(pool.submit(tools.dex, stubs, out / "framework.jar", "--core-library"))
        tools.own_tool("Desugar", classes, desugared)
        oj, libart = work / "core-oj", work / "core-libart"
        split_core(libcore, desugared, oj, libart)
        for folder in (oj, libart):
            others.append(
                pool.submit(tools.dex, folder, out / f"{folder.name}.jar", "--core-library")
            )
        for future in others:
            future.result()
    for jar in out.glob("*.jar"):
        jars.normalise(jar)
    compile_jar = out / COMPILE
    compile_jar.parent.mkdir()
    _jar_of(classes, compile_jar)
    names = [*jars.class_names(desugared), *jars.class_names(stubs)]
    (compile_jar.parent / "classes.txt").write_text("\n".join(names) + "\n", encoding="utf-8")


def _jar_of(classes: Path, out: Path) -> None:
    with zipfile.ZipFile(out, "w") as jar:
        for file in sorted(classes.rglob("*.class")):
            name = file.relative_to(classes).as_posix()
            if name != "module-info.class":
                jar.writestr(zipfile.ZipInfo(name), file.read_bytes())
