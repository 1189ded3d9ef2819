# SPDX-License-Identifier: GPL-2.0-or-later
"""Lock file and fallback: which version is used, and when that is an error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import SetupError
from harness.sources import apt, cache, fetch, lock, pool
from harness.sources.apt import Pinned, SourceEntry
from tests.unit.fake_mirror import FakeMirror, serve

OLD = "4.20.3+127-gc42374a105"
NEW = "4.20.4+63-g7abfd2bce2"
REQUEST = ("trixie", "arm64", ["b", "a"])


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XMC_CACHE_DIR", str(tmp_path / "cache"))
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    monkeypatch.setattr(lock, "repo_root", lambda: checkout)
    pool.forget_verified()
    cache.forget_verified()
    return checkout


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, repository: Path) -> Iterator[FakeMirror]:
    with serve() as fake:
        monkeypatch.setenv("XMC_DEBIAN_MIRROR", fake.url)
        monkeypatch.setattr(apt, "resolve", forbidden)
        monkeypatch.setattr(apt, "source_entry", forbidden)
        yield fake


def forbidden(*args: object, **kwargs: object) -> None:
    pytest.fail("apt was asked")


def tarball(server: FakeMirror, version: str) -> Pinned:
    name = f"pool/main/x/xen/xen_{version}.orig.tar.xz"
    return server.add(name, version.encode(), name="xen", version=version)


def lock_xen(repository: Path, pinned: Pinned) -> None:
    (repository / lock.NAME).write_text(lock.dump(lock.Lock({"xen": ("4.20", pinned)})))


def index_has(monkeypatch: pytest.MonkeyPatch, pinned: Pinned) -> list[str]:
    asked: list[str] = []

    def entry(suite: str, package: str, *, series: str = "") -> SourceEntry:
        asked.append(series)
        files = {pinned.pool: (pinned.sha256, pinned.size)}
        return SourceEntry(package, f"{pinned.version}-0+deb13u1", files)

    monkeypatch.setattr(apt, "source_entry", entry)
    return asked


def test_the_locked_source_is_used_without_asking_apt(server: FakeMirror, repository: Path) -> None:
    lock_xen(repository, tarball(server, OLD))
    source = fetch.fetch_source("xen")
    assert (source.version, source.path.read_text()) == (OLD, OLD)


def test_another_version_of_the_series_is_a_warning_and_its_own_lock(
    server: FakeMirror,
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    gone = tarball(server, OLD)
    server.files.clear()
    lock_xen(repository, gone)
    committed = (repository / lock.NAME).read_text()
    newer = tarball(server, NEW)
    asked = index_has(monkeypatch, newer)

    source = fetch.fetch_source("xen")

    assert (source.version, asked) == (NEW, ["4.20"])
    assert source.sha256 == newer.sha256 != gone.sha256
    said = capsys.readouterr().err
    assert all(word in said for word in ("warning", OLD, NEW))
    assert (repository / lock.NAME).read_text() == committed
    assert fetch.locked_source("xen") == newer
    # From now on it is what is locked here: no question and no warning.
    monkeypatch.setattr(apt, "source_entry", forbidden)
    assert fetch.fetch_source("xen", offline=True).version == NEW
    assert "warning" not in capsys.readouterr().err


def test_neither_version_is_to_be_had(
    server: FakeMirror, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock_xen(repository, tarball(server, OLD))
    newer = tarball(server, NEW)
    server.files.clear()
    index_has(monkeypatch, newer)
    with pytest.raises(SetupError) as caught:
        fetch.fetch_source("xen")
    assert OLD in caught.value.message
    assert NEW in caught.value.message
    assert fetch.locked_source("xen").version == OLD


def test_the_same_version_with_another_sha256_is_an_error(
    server: FakeMirror, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = tarball(server, OLD)
    server.files.clear()
    lock_xen(repository, pinned)
    index_has(monkeypatch, replace(pinned, sha256="f" * 64))
    with pytest.raises(SetupError, match="locked is") as caught:
        fetch.fetch_source("xen")
    assert "same version" in caught.value.hint


def test_another_lock_in_the_checkout_ends_what_was_rewritten(
    server: FakeMirror, repository: Path
) -> None:
    lock_xen(repository, tarball(server, OLD))
    lock.record_source("xen", "4.20", tarball(server, NEW))
    assert fetch.locked_source("xen").version == NEW
    lock_xen(repository, tarball(server, "4.20.5"))
    assert fetch.locked_source("xen").version == "4.20.5"


def debs(server: FakeMirror, version: str = "1") -> tuple[Pinned, ...]:
    return tuple(
        server.add(
            f"pool/main/{n}/{n}_{version}_arm64.deb",
            f"{n}{version}".encode(),
            name=n,
            version=version,
        )
        for n in "ab"
    )


def resolves_to(monkeypatch: pytest.MonkeyPatch, files: tuple[Pinned, ...]) -> None:
    monkeypatch.setattr(apt, "resolve", lambda *args, **kwargs: files)


def test_packages_are_resolved_once(server: FakeMirror, monkeypatch: pytest.MonkeyPatch) -> None:
    resolves_to(monkeypatch, debs(server))
    paths = fetch.fetch_packages(*REQUEST)
    assert [path.name for path in paths] == ["a_1_arm64.deb", "b_1_arm64.deb"]
    monkeypatch.setattr(apt, "resolve", forbidden)
    pool.forget_verified()
    assert fetch.fetch_packages("trixie", "arm64", ["a", "b"], offline=True) == paths
    assert len(server.asked) == 2


def test_packages_that_the_archive_replaced_are_resolved_anew_with_a_warning(
    server: FakeMirror, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    request = lock.Request.of(*REQUEST, dependencies=True)
    lock.record_packages(request, debs(server))
    server.files.clear()
    resolves_to(monkeypatch, debs(server, "2"))
    assert [path.name for path in fetch.fetch_packages(*REQUEST)] == [
        "a_2_arm64.deb",
        "b_2_arm64.deb",
    ]
    assert "warning: a 1 is locked; using 2" in capsys.readouterr().err
    assert [one.version for one in fetch.locked_packages(*REQUEST)] == ["2", "2"]


def test_what_cannot_be_fetched_is_not_locked(
    server: FakeMirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolves_to(monkeypatch, debs(server))
    server.files.clear()
    with pytest.raises(SetupError, match="does not have this file"):
        fetch.fetch_packages(*REQUEST)
    with pytest.raises(SetupError, match="never resolved"):
        fetch.locked_packages(*REQUEST, offline=True)


def test_a_package_of_the_same_version_with_another_sha256_is_an_error(
    server: FakeMirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = debs(server)
    lock.record_packages(lock.Request.of(*REQUEST, dependencies=True), files)
    server.files.clear()
    resolves_to(monkeypatch, (replace(files[0], sha256="f" * 64), files[1]))
    with pytest.raises(SetupError, match="locked is"):
        fetch.fetch_packages(*REQUEST)
    assert fetch.locked_packages(*REQUEST) == files


@pytest.mark.usefixtures("server")
def test_offline_without_a_lock_says_what_to_do() -> None:
    with pytest.raises(SetupError, match="--offline") as caught:
        fetch.fetch_packages(*REQUEST, offline=True)
    assert "without --offline" in caught.value.hint


@pytest.mark.usefixtures("repository")
def test_a_lock_is_read_back_as_it_was_written() -> None:
    one = Pinned("a", "1:2", "pool/main/a/a_2_all.deb", "0" * 64, 5)
    before = lock.Lock(
        {"xen": ("4.20", replace(one, name="xen"))},
        {lock.Request.of("trixie", "arm64", ["z", "a"], False): (one,)},
    )
    text = lock.dump(before)
    assert lock.parse(text, Path("x")) == before
    assert lock.dump(lock.parse(text, Path("x"))) == text


@pytest.mark.parametrize(
    "text",
    ["[[source", "[[source]]\nname = 'xen'", "source = 3", "[[packages]]\nsuite = 'trixie'"],
)
def test_a_malformed_lock_is_named(repository: Path, text: str) -> None:
    (repository / lock.NAME).write_text(text)
    with pytest.raises(SetupError, match="malformed lock file") as caught:
        lock.load()
    assert lock.NAME in caught.value.where


@pytest.mark.usefixtures("repository")
def test_the_committed_lock_is_wellformed_and_pins_xen() -> None:
    path = Path(__file__).parents[2] / lock.NAME
    series, xen = lock.parse(path.read_text(), path).sources["xen"]
    assert xen.version.startswith(f"{series}.")


def test_adopt_writes_what_is_in_force(server: FakeMirror, repository: Path) -> None:
    lock_xen(repository, tarball(server, OLD))
    assert lock.adopt() is False
    lock.record_source("xen", "4.20", tarball(server, NEW))
    assert lock.adopt() is True
    assert NEW in (repository / lock.NAME).read_text()
    assert lock.adopt() is False
