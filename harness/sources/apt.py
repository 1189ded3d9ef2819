# SPDX-License-Identifier: GPL-2.0-or-later
"""A private apt: asks Debian's signed indexes without touching this machine's own apt.

apt resolves, and says where each file is and what its sha256 must be; harness.sources.pool
fetches. The indexes are verified with Debian's archive keyring, so a hash from here is Debian's.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError, SetupError, TransientError
from harness.paths import cache_dir
from harness.sources import mirror
from harness.sources.cache import digest_of, locked, no_space_is_setup_error

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
TRIES = "3"
# They get their security updates as they get everything.
UNRELEASED = ("sid",)
# 'url' file size SHA256:digest, as apt-get --print-uris has it.
URI_LINE = re.compile(r"^'(?P<url>[^']+)' (?P<file>\S+) (?P<size>\d+) SHA256:(?P<sha256>\w{64})$")
TRANSIENT = re.compile(
    r"Temporary failure resolving|timed out|Connection reset|50[0234] |429 |"
    r"Mirror sync in progress|unexpected size",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Pinned:
    """A file of the pool: which, and what it must be."""

    name: str
    version: str
    pool: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """A source package of the index."""

    package: str
    version: str
    """Debian's version, with its revision."""
    files: Mapping[str, tuple[str, int]]
    """sha256 and size in bytes of each file, by pool path."""

    @property
    def orig(self) -> Pinned:
        """The upstream tarball."""
        for pool, (sha256, size) in self.files.items():
            match = re.search(r"_([^_/]+)\.orig\.tar\.\w+$", pool)
            if match:
                return Pinned(self.package, match[1], pool, sha256, size)
        raise SetupError(f"source package {self.package} {self.version} has no upstream tarball")


def resolve(
    suite: str, arch: str, names: Sequence[str], *, dependencies: bool = True
) -> tuple[Pinned, ...]:
    """The packages, and without ``dependencies=False`` all they depend on, sorted by name.

    Raises SetupError naming the package that the suite does not have.
    """
    root = _root(suite, arch)
    if dependencies:
        verb = ["install", "--yes", "--no-install-recommends", "--print-uris"]
    else:
        verb = ["download", "--print-uris"]
    with locked(root.name):
        output = _apt(root, "apt-get", *verb, *names)
    found = []
    for line in output.splitlines():
        match = URI_LINE.match(line)
        if match:
            name, version = match["file"].removesuffix(".deb").split("_")[:2]
            # apt escapes the epoch's colon in file names.
            version = version.replace("%3a", ":").replace("%3A", ":")
            pool = mirror.pool_path_of(match["url"])
            found.append(Pinned(name, version, pool, match["sha256"], int(match["size"])))
    missing = {re.sub("[:=].*", "", name) for name in names} - {one.name for one in found}
    if missing:
        raise SetupError(f"apt gave no address for {', '.join(sorted(missing))}", where=suite)
    return tuple(sorted(found, key=lambda one: one.name))


def source_entry(suite: str, package: str, *, series: str = "") -> SourceEntry:
    """The newest source package of that name in the suite and its security updates.

    series: only versions that begin so ("4.20" takes 4.20.3 and not 4.21)
    """
    entries = source_entries(suite, package)
    fitting = [e for e in entries if not series or e.version.startswith(f"{series}.")]
    if not fitting:
        have = ", ".join(entry.version for entry in entries) or "none"
        raise SetupError(f"{suite} has no source of {package} {series}; it has: {have}")
    return newest(fitting)


def source_entries(suite: str, package: str) -> list[SourceEntry]:
    """All source packages of that name in the suite and its security updates."""
    root = _root(suite, "arm64")
    with locked(root.name):
        records = _apt(root, "apt-cache", "showsrc", "--only-source", package).split("\n\n")
    return [_parse(record) for record in records if record.startswith("Package: ")]


def newest(entries: Sequence[SourceEntry]) -> SourceEntry:
    """That of the highest version; there is one at least."""
    return functools.reduce(lambda a, b: b if _newer(b.version, a.version) else a, entries)


def _parse(record: str) -> SourceEntry:
    fields: dict[str, str] = {}
    name = ""
    for line in record.splitlines():
        if line.startswith(" "):
            fields[name] += "\n" + line
        else:
            name, _, fields[name] = line.partition(":")
    directory = fields["Directory"].strip()
    files = {}
    for line in fields["Checksums-Sha256"].split("\n"):
        if line.strip():
            sha256, size, file = line.split()
            files[f"{directory}/{file}"] = (sha256, int(size))
    return SourceEntry(fields["Package"].strip(), fields["Version"].strip(), files)


def _newer(one: str, other: str) -> bool:
    done = subprocess.run(["dpkg", "--compare-versions", one, "gt", other], check=False)
    return done.returncode == 0


def _apt(root: Path, *command: str) -> str:
    """Run apt on a private root, in its own words when it fails."""
    argv = [command[0], "-c", str(root / "apt.conf"), *command[1:]]
    environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", **_proxies()}
    try:
        done = subprocess.run(argv, capture_output=True, text=True, env=environment)
    except FileNotFoundError as error:
        raise SetupError(f"no {command[0]}: this is not a Debian machine") from error
    if done.returncode:
        raise _apt_error(" ".join(command), done.stderr)
    return done.stdout


def _apt_error(command: str, stderr: str) -> HarnessError:
    lines = [line for line in stderr.splitlines() if line[:2] in ("E:", "W:")] or [stderr.strip()]
    missing = re.search(r"Unable to locate package (\S+)|Package '?(\S+?)'? has no", stderr)
    if missing:
        return SetupError(f"Debian has no package {missing[1] or missing[2]} here", where=command)
    if "NO_PUBKEY" in stderr or "not signed" in stderr or "invalid signature" in stderr:
        return SetupError(
            "the mirror's index is not signed by Debian",
            where=str(KEYRING),
            hint=f"update debian-archive-keyring, or name another mirror with {mirror.VARIABLE}",
            context=lines,
        )
    if "resolv" in stderr and not mirror.has_route():
        return SetupError(
            "no network: apt does not find the mirror",
            where=command,
            hint="check it, or use --offline with a filled cache",
            context=lines,
        )
    if TRANSIENT.search(stderr) and mirror.has_route():
        return TransientError(f"apt failed: {lines[0]}", where=command, context=lines[1:])
    return SetupError(
        f"apt failed: {lines[0]}",
        where=command,
        hint=f"check the network, or name another mirror with {mirror.VARIABLE}",
        context=lines[1:],
    )


def _proxies() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}


@functools.cache
def _root(suite: str, arch: str) -> Path:
    """An apt root with the suite's indexes as they are today; once in a process."""
    if not KEYRING.exists():
        raise SetupError(
            "Debian's archive keyring is missing",
            where=str(KEYRING),
            hint="apt-get install debian-archive-keyring",
        )
    archive, security = mirror.mirror(), mirror.security_mirror()
    signed = f"[signed-by={KEYRING}]"
    sources = f"deb {signed} {archive} {suite} main\ndeb-src {signed} {archive} {suite} main\n"
    if suite not in UNRELEASED:
        sources += f"deb-src {signed} {security} {suite}-security main\n"
    key = digest_of({"sources": sources, "arch": arch})
    root = cache_dir() / "apt" / f"{suite}-{arch}-{key}"
    with no_space_is_setup_error(), locked(root.name):
        for part in ("etc", "state/lists/partial", "cache/archives/partial"):
            (root / part).mkdir(parents=True, exist_ok=True)
        (root / "status").touch()
        (root / "etc/sources.list").write_text(sources)
        (root / "apt.conf").write_text(_configuration(root, arch))
        _apt(root, "apt-get", "update", "--quiet")
    return root


def _configuration(root: Path, arch: str) -> str:
    settings = {
        "Dir::State": root / "state",
        "Dir::State::status": root / "status",
        "Dir::Cache": root / "cache",
        "Dir::Etc::sourcelist": root / "etc/sources.list",
        "Dir::Etc::sourceparts": "-",
        # Only the keyring that sources.list names is believed.
        "Dir::Etc::trusted": "/nonexistent",
        "Dir::Etc::trustedparts": "/nonexistent",
        "APT::Architecture": arch,
        "APT::Install-Recommends": "false",
        # Else an index that cannot be fetched is a warning, and yesterday's is used.
        "APT::Update::Error-Mode": "any",
        "APT::Sandbox::User": "",
        "Acquire::Retries": TRIES,
        # Else --print-uris prints an MD5.
        "Acquire::ForceHash": "SHA256",
        "Acquire::Languages": "none",
        "Debug::NoLocking": "true",
    }
    text = "".join(f'{name} "{value}";\n' for name, value in settings.items())
    return text + f'APT::Architectures {{ "{arch}"; }};\n'
