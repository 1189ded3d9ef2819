# SPDX-License-Identifier: GPL-2.0-or-later
"""Our own code in the guest: zygote and activity manager, and the tests that run there."""

from __future__ import annotations

from pathlib import Path

from harness.build.android import corelib, jars


def build(recipe: Path, core: Path, tools: corelib.JavaTools, work: Path, out: Path) -> None:
    """services.jar, the list of classes to preload, and tests.jar.

    recipe: images/android, with java/guest and java/tests
    core:   what corelib.build() made
    """
    boot = ["-source", "8", "-target", "8", "-bootclasspath", str(core / corelib.COMPILE)]
    services = _to_dex(recipe / "java/guest", tools, work, out / "services.jar", *boot)
    _to_dex(recipe / "java/tests", tools, work, out / "tests.jar", *boot)
    patterns = (recipe / "preload.txt").read_text("utf-8")
    known = (core / corelib.COMPILE).with_name("classes.txt").read_text("utf-8").split()
    chosen = [*jars.preload_list(patterns, known), *jars.class_names(services)]
    (out / "preloaded-classes").write_text("\n".join(chosen) + "\n", encoding="utf-8")


def _to_dex(sources: Path, tools: corelib.JavaTools, work: Path, jar: Path, *options: str) -> Path:
    """javac, lambdas, dx. Returns the folder of classes."""
    classes, desugared = work / jar.stem, work / f"{jar.stem}-desugared"
    corelib.javac(sorted(sources.rglob("*.java")), classes, *options)
    tools.own_tool("Desugar", classes, desugared)
    tools.dex(desugared, jar)
    jars.normalise(jar)
    return desugared
