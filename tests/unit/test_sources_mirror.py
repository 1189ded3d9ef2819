# SPDX-License-Identifier: GPL-2.0-or-later
"""Fetching: what the network does wrong, and what the user is told."""

from __future__ import annotations

import socket
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import SetupError, TransientError
from harness.sources import mirror, pool
from harness.sources.mirror import NotThere
from harness.sources.pool import fetch_pool
from tests.unit.fake_mirror import FakeMirror, serve

POOL = "pool/main/x/xen/xen_4.20.3+127.orig.tar.xz"
CONTENT = b"tarball" * 1000


@pytest.fixture(autouse=True)
def cache_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XMC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(mirror, "PAUSE_S", 0.01)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    pool.forget_verified()
    return tmp_path / "cache"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeMirror]:
    with serve() as fake:
        monkeypatch.setenv("XMC_DEBIAN_MIRROR", fake.url)
        yield fake


def files_in(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file() and "locks" not in path.parts]


def test_a_file_is_fetched_once_and_verified(server: FakeMirror) -> None:
    pinned = server.add(POOL, CONTENT)
    path = fetch_pool(pinned.pool, pinned.sha256, pinned.size)
    assert path.read_bytes() == CONTENT
    assert path.name == "xen_4.20.3+127.orig.tar.xz"
    pool.forget_verified()
    fetch_pool(pinned.pool, pinned.sha256, pinned.size, offline=True)
    assert len(server.asked) == 1


def test_security_updates_come_from_the_security_archive(server: FakeMirror) -> None:
    assert mirror.url_of("pool/updates/main/l/linux/l.deb") == (
        f"{server.url}-security/pool/updates/main/l/linux/l.deb"
    )


def test_what_is_transient_is_tried_again(server: FakeMirror) -> None:
    pinned = server.add(POOL, CONTENT)
    server.statuses = [503, 502]
    assert fetch_pool(pinned.pool, pinned.sha256, pinned.size).exists()
    assert len(server.asked) == 3


def test_a_connection_cut_short_is_tried_again(server: FakeMirror) -> None:
    pinned = server.add(POOL, CONTENT)
    server.cut_bytes = 10
    assert fetch_pool(pinned.pool, pinned.sha256, pinned.size).read_bytes() == CONTENT


def test_a_mirror_that_keeps_failing_is_transient(server: FakeMirror, cache_dir: Path) -> None:
    pinned = server.add(POOL, CONTENT)
    server.statuses = [503] * 9
    with pytest.raises(TransientError, match="503"):
        fetch_pool(pinned.pool, pinned.sha256, pinned.size)
    assert len(server.asked) == mirror.TRIES
    assert files_in(cache_dir) == []


@pytest.mark.parametrize(("status", "kind"), [(404, NotThere), (403, SetupError)])
def test_what_will_not_change_is_not_tried_again(
    server: FakeMirror, status: int, kind: type[SetupError]
) -> None:
    server.statuses = [status]
    with pytest.raises(kind):
        fetch_pool(POOL, "0" * 64, 1)
    assert len(server.asked) == 1


def test_wrong_sha256_is_an_error_and_is_not_kept(server: FakeMirror, cache_dir: Path) -> None:
    pinned = server.add(POOL, CONTENT)
    server.files[f"/debian/{POOL}"] = CONTENT.replace(b"t", b"T")
    with pytest.raises(SetupError, match="wrong content") as caught:
        fetch_pool(pinned.pool, pinned.sha256, pinned.size)
    assert pinned.sha256 in caught.value.message
    assert POOL.rpartition("/")[2].split("+")[0] in caught.value.where
    assert len(server.asked) == 1
    assert files_in(cache_dir) == []


def test_a_truncated_file_of_the_cache_is_fetched_again(server: FakeMirror) -> None:
    pinned = server.add(POOL, CONTENT)
    path = fetch_pool(pinned.pool, pinned.sha256, pinned.size)
    path.write_bytes(CONTENT[:-1])
    pool.forget_verified()
    assert fetch_pool(pinned.pool, pinned.sha256, pinned.size).read_bytes() == CONTENT


def test_a_changed_file_of_the_cache_is_not_used_offline(server: FakeMirror) -> None:
    pinned = server.add(POOL, CONTENT)
    path = fetch_pool(pinned.pool, pinned.sha256, pinned.size)
    path.write_bytes(CONTENT.replace(b"t", b"T"))
    pool.forget_verified()
    with pytest.raises(SetupError, match="--offline"):
        fetch_pool(pinned.pool, pinned.sha256, pinned.size, offline=True)


def test_mirror_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        port = reserved.getsockname()[1]
        monkeypatch.setenv("XMC_DEBIAN_MIRROR", f"http://127.0.0.1:{port}/debian")
        with pytest.raises(SetupError, match="mirror is gone") as caught:
            fetch_pool(POOL, "0" * 64, 1)
    assert "XMC_DEBIAN_MIRROR" in caught.value.hint


def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_name(*args: object, **kwargs: object) -> None:
        raise urllib.error.URLError(socket.gaierror(socket.EAI_AGAIN, "Temporary failure"))

    monkeypatch.setenv("XMC_DEBIAN_MIRROR", "http://mirror.invalid/debian")
    monkeypatch.setattr("urllib.request.urlopen", no_such_name)
    monkeypatch.setattr(mirror, "has_route", lambda: False)
    with pytest.raises(SetupError, match="no network") as caught:
        fetch_pool(POOL, "0" * 64, 1)
    assert "--offline" in caught.value.hint


def test_a_name_server_that_hesitates_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def no_such_name(*args: object, **kwargs: object) -> None:
        asked.append(args)
        raise urllib.error.URLError(socket.gaierror(socket.EAI_AGAIN, "Temporary failure"))

    monkeypatch.setenv("XMC_DEBIAN_MIRROR", "http://mirror.invalid/debian")
    monkeypatch.setattr("urllib.request.urlopen", no_such_name)
    monkeypatch.setattr(mirror, "has_route", lambda: True)
    with pytest.raises(TransientError):
        fetch_pool(POOL, "0" * 64, 1)
    assert len(asked) == mirror.TRIES


def test_no_space_left_while_fetching(server: FakeMirror, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **kwargs: object) -> None:
        Path("/dev/full").write_bytes(b"x")

    monkeypatch.setattr(mirror, "_fetch_once", full)
    with pytest.raises(SetupError, match="no space left"):
        fetch_pool(POOL, "0" * 64, 1)


def test_the_mirror_is_the_one_of_this_machines_apt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XMC_DEBIAN_MIRROR", raising=False)
    sites = (
        "http://a.invalid/tools",
        "http://b.invalid/debian-security",
        "http://c.invalid/debian",
    )
    monkeypatch.setattr(mirror, "_apt_sites", lambda: sites)
    assert mirror.mirror() == "http://c.invalid/debian"
    assert mirror.security_mirror() == "http://b.invalid/debian-security"


def test_an_apt_without_a_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XMC_DEBIAN_MIRROR", raising=False)
    monkeypatch.setattr(mirror, "_apt_sites", lambda: ())
    with pytest.raises(SetupError, match="no Debian mirror") as caught:
        mirror.mirror()
    assert "XMC_DEBIAN_MIRROR" in caught.value.hint


def test_a_cloud_images_list_of_mirrors_is_read(tmp_path: Path) -> None:
    listed = tmp_path / "mirrors.list"
    listed.write_text("# ours\nhttp://d.invalid/debian priority:1\n")
    assert mirror._expand(f"mirror+file:{listed}") == ["http://d.invalid/debian"]
