# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the inputs of the build come from.

fetch   packages and sources as locked, verified        fetch_packages, fetch_source
cache   outputs of steps, by the hash of their inputs   obtain, find, digest_of
keeping what is in the cache, what of it may go, and whether it is whole
lock    which versions, and what their files must be
apt     a private apt that resolves against Debian's signed indexes
pool    files of the Debian pool, kept by sha256
mirror  the mirror of this machine's apt, and what its errors mean
"""

from harness.sources.apt import Pinned, SourceEntry, source_entry
from harness.sources.cache import digest_of, find, hash_tree, obtain, sha256_of
from harness.sources.fetch import (
    SUITE,
    Source,
    fetch_packages,
    fetch_source,
    locked_packages,
    locked_source,
    unpack_deb,
)
from harness.sources.pool import fetch_pool

__all__ = [
    "SUITE",
    "Pinned",
    "Source",
    "SourceEntry",
    "digest_of",
    "fetch_packages",
    "fetch_pool",
    "fetch_source",
    "find",
    "hash_tree",
    "locked_packages",
    "locked_source",
    "obtain",
    "sha256_of",
    "source_entry",
    "unpack_deb",
]
