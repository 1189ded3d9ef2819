# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian mirror: the one this machine's own apt uses.

The repository names no host: which mirror is near, allowed or alive is the machine's business.
XMC_DEBIAN_MIRROR overrides, for a machine whose apt knows none.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.client
import os
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from harness.errors import HarnessError, SetupError, TransientError

VARIABLE = "XMC_DEBIAN_MIRROR"
TRIES = 3
PAUSE_S = 1.0
SILENCE_S = 60.0
PROBE_S = 15.0
CHUNK_BYTES = 1 << 20
TRANSIENT_STATUS = (408, 425, 429, 500, 502, 503, 504)


class NotThere(SetupError):
    """The mirror answers, and does not have this file."""


def mirror() -> str:
    """URL of the Debian archive, without a slash at its end."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return chosen.rstrip("/")
    for site in _apt_sites():
        if site.endswith("/debian"):
            return site
    raise SetupError(
        "this machine's apt names no Debian mirror",
        where="apt-get indextargets",
        hint=f"add one to /etc/apt/sources.list, or set {VARIABLE} to its URL (.../debian)",
    )


def security_mirror() -> str:
    """URL of the archive of security updates."""
    if not os.environ.get(VARIABLE):
        for site in _apt_sites():
            if site.endswith("/debian-security"):
                return site
    return mirror() + "-security"


def url_of(pool_path: str) -> str:
    """Where a file of the pool is: pool/updates/ is the security archive's."""
    base = security_mirror() if pool_path.startswith("pool/updates/") else mirror()
    return f"{base}/{urllib.parse.quote(pool_path, safe='/+~:')}"


def pool_path_of(url: str) -> str:
    """The other way round, for a URL that apt gave."""
    return "pool/" + urllib.parse.unquote(url).partition("/pool/")[2]


def download(url: str, destination: Path, *, sha256: str, size: int) -> None:
    """Fetch a file and verify it; only what passes is renamed to ``destination``.

    Tries again only after an error of the network that may pass. Raises NotThere, SetupError (no
    network, mirror gone, wrong content), TransientError (still failing after the last try).
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    for left_behind in destination.parent.glob(f".{destination.name}.*"):
        left_behind.unlink()
    partial = destination.with_name(f".{destination.name}.{os.getpid()}")
    try:
        for attempt in range(TRIES):
            try:
                _fetch_once(url, partial, sha256=sha256, size=size)
                break
            except TransientError:
                if attempt == TRIES - 1:
                    raise
                time.sleep(PAUSE_S * 2**attempt)
        partial.rename(destination)
    finally:
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()


def probe(url: str) -> None:
    """Ask for a file without fetching it. Raises what ``download`` would."""
    request = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=PROBE_S):
            pass
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as e:
        raise network_error(e, url) from e


def _fetch_once(url: str, partial: Path, *, sha256: str, size: int) -> None:
    digest = hashlib.sha256()
    received = 0
    try:
        with urllib.request.urlopen(url, timeout=SILENCE_S) as reply, partial.open("wb") as file:
            while chunk := reply.read(CHUNK_BYTES):
                digest.update(chunk)
                received += len(chunk)
                file.write(chunk)
            announced = reply.headers.get("Content-Length")
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as e:
        raise network_error(e, url) from e
    if announced and received < int(announced):
        raise TransientError(
            f"the connection ended after {received} of {announced} bytes", where=url
        )
    if received != size or digest.hexdigest() != sha256:
        raise SetupError(
            f"wrong content: {received} bytes with sha256 {digest.hexdigest()}, "
            f"expected {size} bytes with {sha256}",
            where=url,
            hint="the mirror or something before it alters files: try another mirror "
            f"with {VARIABLE}",
        )


def network_error(error: Exception, url: str) -> HarnessError:
    """What an error of the network means to the user."""
    if isinstance(error, urllib.error.HTTPError):
        if error.code in (404, 410):
            return NotThere(
                "the mirror does not have this file",
                where=url,
                hint=f"it may be updating itself: try later, or another mirror with {VARIABLE}",
            )
        if error.code in TRANSIENT_STATUS:
            return TransientError(f"the mirror answers {error.code} {error.reason}", where=url)
        return SetupError(
            f"the mirror answers {error.code} {error.reason}",
            where=url,
            hint=f"check the proxy, or name another mirror with {VARIABLE}",
        )
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, socket.gaierror):
        if reason.errno == socket.EAI_AGAIN and has_route():
            return TransientError("the mirror's name does not resolve just now", where=url)
        return SetupError(
            "no network, or no such mirror: its name does not resolve",
            where=url,
            hint=f"check the network, name another mirror with {VARIABLE}, "
            "or use --offline with a filled cache",
        )
    if isinstance(reason, ConnectionRefusedError):
        return SetupError(
            "the mirror is gone: it refuses connections",
            where=url,
            hint=f"name another mirror with {VARIABLE}",
        )
    if isinstance(reason, OSError) and not has_route():
        return SetupError(
            f"no network: {reason}",
            where=url,
            hint="check it, or use --offline with a filled cache",
        )
    return TransientError(f"the mirror failed: {reason}", where=url, hint="try again")


def has_route() -> bool:
    """This machine has a way out: a default route, or a proxy."""
    if any(name.lower().endswith("_proxy") and value for name, value in os.environ.items()):
        return True
    try:
        routes = Path("/proc/net/route").read_text().splitlines()[1:]
        return any(line.split()[1] == "00000000" for line in routes) or _has_route_v6()
    except (OSError, IndexError):
        return True


def _has_route_v6() -> bool:
    lines = Path("/proc/net/ipv6_route").read_text().splitlines()
    return any(x.split()[1] == "00" and x.split()[-1] != "lo" for x in lines)


@functools.cache
def _apt_sites() -> tuple[str, ...]:
    try:
        done = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(SITE)"], capture_output=True, text=True
        )
    except FileNotFoundError as error:
        raise SetupError(
            "no apt-get: this is not a Debian machine", hint="use Debian 12 or 13"
        ) from error
    sites: dict[str, None] = {}
    for line in done.stdout.splitlines():
        for site in _expand(line.strip()):
            sites[site.rstrip("/")] = None
    return tuple(sites)


def _expand(site: str) -> list[str]:
    """apt's mirror+file: method, as cloud images have it, names a file of sites."""
    kind, _, path = site.partition(":")
    if kind != "mirror+file":
        return [site]
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return []
    return [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]
