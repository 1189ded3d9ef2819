# SPDX-License-Identifier: GPL-2.0-or-later
"""What was built last: noted per checkout, checked before it is handed out."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from harness.build.artifacts import OPTIONAL, Artifact, Artifacts, Graph, build, existing
from harness.build.step import Built, run
from harness.errors import HypervisorError, SetupError, UsageError
from harness.progress import Step
from harness.sources.cache import forget_verified

NAMES = [field.name for field in fields(Artifacts) if field.name not in OPTIONAL]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XMC_CACHE_DIR", str(tmp_path / "cache"))
    forget_verified()


def thing(content: str) -> Built:
    def make(out: Path, progress: Step) -> None:
        (out / "out").write_text(content)

    return run("some-thing", {"content": content}, make)


def all_of(built: Built) -> dict[str, Artifact]:
    return {name: Artifact(name, built.path / "out", built.digest) for name in NAMES}


def test_nothing_is_built_at_first() -> None:
    with pytest.raises(SetupError, match=r"xen is not built.*next: harness build"):
        existing()


def test_what_was_built_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    one = thing("one")
    monkeypatch.setattr(Graph, "target", lambda self, name: iter([all_of(one)]))
    build(["all"])
    found = existing()
    assert found.kernel == Artifact("kernel", one.path / "out", one.digest)
    assert found.android_kernel == found.kernel
    assert found.android_root is None


def test_a_target_alone_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = thing("one"), thing("two")
    monkeypatch.setattr(Graph, "target", lambda self, name: iter([all_of(one)]))
    build(["all"])
    xen = {"xen": Artifact("xen", two.path / "out", two.digest)}
    monkeypatch.setattr(Graph, "target", lambda self, name: iter([xen]))
    build(["xen"])
    assert existing().xen.digest == two.digest
    assert existing().kernel.digest == one.digest


def test_a_truncated_artifact_is_not_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    one = thing("one")
    monkeypatch.setattr(Graph, "target", lambda self, name: iter([all_of(one)]))
    build(["all"])
    (one.path / "out").write_text("o")
    forget_verified()  # as a later process
    with pytest.raises(SetupError, match="xen is damaged or gone"):
        existing()


def test_a_failed_part_takes_no_other_away(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = thing("one"), thing("two")
    monkeypatch.setattr(Graph, "target", lambda self, name: iter([all_of(one)]))
    build(["all"])

    def fail(self: Graph, name: str) -> Iterator[dict[str, Artifact]]:
        yield {"kernel": Artifact("kernel", two.path / "out", two.digest)}
        raise HypervisorError("does not compile")

    monkeypatch.setattr(Graph, "target", fail)
    with pytest.raises(HypervisorError):
        build(["all"])
    assert existing().xen.digest == one.digest
    assert existing().kernel.digest == two.digest


def test_an_unknown_target_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no such target: xne"):
        build(["xne"])


def test_a_checkout_without_the_recipe_has_no_android(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(importlib, "import_module", missing)
    assert Graph().android_artifacts() == {}
