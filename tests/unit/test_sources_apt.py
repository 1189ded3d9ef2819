# SPDX-License-Identifier: GPL-2.0-or-later
"""The private apt: what it is told, what it answers, and what it refuses."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import HarnessError, SetupError, TransientError
from harness.sources import apt, mirror
from tests.unit.fake_mirror import FakeMirror, serve

SHA256 = "ab" * 32
URIS = f"""Reading package lists...
The following NEW packages will be installed:
  busybox-static libc6
'http://m.invalid/debian/pool/main/g/glibc/libc6_2.41-12%2bdeb13u5_arm64.deb' libc6_2.41-12+deb13u5_arm64.deb 2488872 SHA256:{SHA256}
'http://m.invalid/debian/pool/main/b/busybox/busybox-static_1.37.0-6%2bb9_arm64.deb' busybox-static_1%3a1.37.0-6+b9_arm64.deb 847552 SHA256:{SHA256}
"""  # noqa: E501
SOURCES = """Package: xen
Version: {version}
Checksums-Sha256:
 {sha256} 4054 xen_{version}.dsc
 {sha256} 4964620 xen_{upstream}.orig.tar.xz
 {sha256} 139888 xen_{version}.debian.tar.xz
Directory: pool/main/x/xen
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XMC_CACHE_DIR", str(tmp_path / "cache"))
    forget = apt._root.cache_clear  # some tests put another function in its place
    forget()
    yield
    forget()


def answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    monkeypatch.setattr(apt, "_root", lambda suite, arch: tmp_path)
    monkeypatch.setattr(apt, "_apt", lambda root, *command: text)


def test_resolve_reads_what_apt_prints(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answers(monkeypatch, tmp_path, URIS)
    busybox, libc = apt.resolve("trixie", "arm64", ["busybox-static"])
    assert busybox == apt.Pinned(
        "busybox-static",
        "1:1.37.0-6+b9",
        "pool/main/b/busybox/busybox-static_1.37.0-6+b9_arm64.deb",
        SHA256,
        847552,
    )
    assert libc.version == "2.41-12+deb13u5"


def test_a_package_without_an_address_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answers(monkeypatch, tmp_path, URIS)
    with pytest.raises(SetupError, match="dropbear"):
        apt.resolve("trixie", "arm64", ["busybox-static", "dropbear"])


def sources(*versions: str) -> str:
    return "\n".join(
        SOURCES.format(version=version, upstream=version.rpartition("-")[0], sha256=SHA256)
        for version in versions
    )


def test_the_newest_of_the_series_is_chosen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = sources("4.20.9-1", "4.20.10-1", "4.21.0-1", "4.2.1-1")
    answers(monkeypatch, tmp_path, text)
    orig = apt.source_entry("trixie", "xen", series="4.20").orig
    assert (orig.version, orig.size) == ("4.20.10", 4964620)
    assert orig.pool == "pool/main/x/xen/xen_4.20.10.orig.tar.xz"


def test_a_series_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answers(monkeypatch, tmp_path, sources("4.21.0-1"))
    with pytest.raises(SetupError, match=r"4\.20; it has: 4\.21\.0-1"):
        apt.source_entry("trixie", "xen", series="4.20")


def test_mirror_gone_by_the_real_apt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt, "TRIES", "0")
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        monkeypatch.setenv("XMC_DEBIAN_MIRROR", f"http://127.0.0.1:{port}/debian")
        with pytest.raises(HarnessError, match="apt failed") as caught:
            apt.resolve("trixie", "arm64", ["busybox-static"])
    assert caught.value.exit_code in (3, 4)


def test_an_index_that_debian_did_not_sign_is_refused_by_the_real_apt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serve() as fake:
        unsigned(fake)
        monkeypatch.setattr(apt, "TRIES", "0")
        monkeypatch.setenv("XMC_DEBIAN_MIRROR", fake.url)
        with pytest.raises(SetupError, match="not signed by Debian") as caught:
            apt.resolve("trixie", "arm64", ["busybox-static"])
    assert caught.value.exit_code == 3


def unsigned(fake: FakeMirror) -> None:
    release = b"Origin: Debian\nSuite: stable\nCodename: trixie\nComponents: main\n"
    release += b"Date: Sat, 15 Nov 2025 10:00:00 UTC\nArchitectures: arm64\nSHA256:\n"
    fake.files["/debian/dists/trixie/Release"] = release
    fake.files["/debian-security/dists/trixie-security/Release"] = release


def test_a_missing_keyring_is_an_error_of_setup(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(apt, "KEYRING", tmp_path / "nothing.gpg")
    with pytest.raises(SetupError, match="keyring is missing") as caught:
        apt.resolve("trixie", "arm64", ["busybox-static"])
    assert "debian-archive-keyring" in caught.value.hint


@pytest.mark.parametrize(
    ("stderr", "kind"),
    [
        ("E: Failed to fetch x  503  Service Unavailable", TransientError),
        ("E: Failed to fetch x  Connection timed out", TransientError),
        ("E: Failed to fetch x  404  Not Found", SetupError),
        ("E: Unable to locate package nonsense", SetupError),
    ],
)
def test_only_errors_of_the_network_that_may_pass_are_transient(
    monkeypatch: pytest.MonkeyPatch, stderr: str, kind: type[HarnessError]
) -> None:
    monkeypatch.setattr(mirror, "has_route", lambda: True)
    error = apt._apt_error("apt-get install x", stderr)
    assert type(error) is kind


def test_no_network_is_an_error_of_setup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "has_route", lambda: False)
    error = apt._apt_error(
        "apt-get update", "E: Failed to fetch x  Temporary failure resolving 'm'"
    )
    assert type(error) is SetupError
    assert "no network" in error.message
    assert "--offline" in error.hint
