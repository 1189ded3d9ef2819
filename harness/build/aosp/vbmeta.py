# SPDX-License-Identifier: GPL-2.0-or-later
"""vbmeta images: what Android's verified boot would check.

Format: external/avb/libavb/avb_vbmeta_image.h and avb_descriptor.h of AOSP; big endian.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from harness.build.aosp.formats import described
from harness.build.aosp.source import Source, damaged, too_new
from harness.errors import UsageError

MAGIC = b"AVB0"
HASHTREE_DISABLED, VERIFICATION_DISABLED = 1, 2
# magic, libavb version, sizes of the two blocks, algorithm, places of hash, signature and keys,
# descriptors, rollback index, flags, its location, release
_HEADER = struct.Struct(">4s2I2QI8Q2QQ2I48s80x")
_FLAGS_AT = 120
_DESCRIPTOR = struct.Struct(">2Q")
_HASHTREE, _HASH, _CHAIN = 1, 2, 4
# Of a descriptor of each kind: where the length of the partition's name is, and the name itself
_NAMES = {_HASHTREE: (104, 180), _HASH: (56, 132), _CHAIN: (20, 92)}
LARGEST = 1 << 20
# AVB_ALGORITHM_TYPE_SHA512_RSA2048 and those after it
_SHA512_FROM = 4


@dataclass(frozen=True, slots=True)
class VbMeta:
    """A vbmeta image.

    size:    of header and blocks, in bytes
    version: of libavb that it needs
    signed:  it has a signature
    hash:    of its signature: sha256 or sha512
    chained: partitions that have a vbmeta of their own
    covered: partitions whose content it vouches for
    """

    size: int
    version: str
    flags: int
    signed: bool
    hash: str
    chained: tuple[str, ...]
    covered: tuple[str, ...]
    release: str

    @property
    def verifies(self) -> bool:
        """Somebody looks at the partitions."""
        return not self.flags & (VERIFICATION_DISABLED | HASHTREE_DISABLED)


def parse(source: Source) -> VbMeta:
    """The header and the descriptors. Raises UsageError."""
    start = source.read(0, 4) if source.size >= 4 else b""
    if start != MAGIC:
        raise UsageError(
            f"not a vbmeta image: it is {described(source)}",
            where=source.name,
            hint="give vbmeta.img as it is in the build's output",
        )
    fields = _HEADER.unpack(source.read(0, _HEADER.size))
    major, auth, aux, algorithm = fields[1], fields[3], fields[4], fields[5]
    descriptors, descriptors_size = fields[14], fields[15]
    flags = fields[17]
    if major != 1:
        raise too_new(f"vbmeta of version {major} is unknown", where=source.name)
    if auth > LARGEST or aux > LARGEST or descriptors + descriptors_size > aux:
        raise damaged(f"damaged vbmeta image: blocks of {auth} and {aux} bytes", where=source.name)
    table = source.read(_HEADER.size + auth + descriptors, descriptors_size)
    chained, covered = _names(source, table)
    release = fields[19].split(b"\0", 1)[0].decode("ascii", "backslashreplace")
    size = _HEADER.size + auth + aux
    hash_name = "sha512" if algorithm >= _SHA512_FROM else "sha256"
    version = f"{major}.{fields[2]}"
    return VbMeta(size, version, flags, algorithm != 0, hash_name, chained, covered, release)


def disabled(source: Source) -> bytes:
    """The same image, saying that nothing is to be verified. Raises UsageError."""
    found = parse(source)
    content = bytearray(source.read(0, found.size))
    flags = found.flags | VERIFICATION_DISABLED
    content[_FLAGS_AT : _FLAGS_AT + 4] = flags.to_bytes(4, "big")
    return bytes(content)


def parameters(source: Source) -> dict[str, str]:
    """What a boot loader tells init of a vbmeta that chains to no other, as libavb's avb_cmdline.c
    does: without it init's verifier has nothing to compare with. Raises UsageError."""
    found = parse(source)
    digest = hashlib.new(found.hash, source.read(0, found.size)).hexdigest()
    return {
        "androidboot.vbmeta.avb_version": found.version,
        "androidboot.vbmeta.hash_alg": found.hash,
        "androidboot.vbmeta.size": str(found.size),
        "androidboot.vbmeta.digest": digest,
    }


def empty() -> bytes:
    """An image that vouches for nothing, as ``avbtool make_vbmeta_image --flags 2`` makes it."""
    nothing = [0] * 11  # from the blocks' sizes to the place of the descriptors
    return _HEADER.pack(MAGIC, 1, 0, *nothing, 0, 0, 0, VERIFICATION_DISABLED, 0, b"harness")


def _names(source: Source, table: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    chained: list[str] = []
    covered: list[str] = []
    at = 0
    while at < len(table):
        if at + _DESCRIPTOR.size > len(table):
            raise damaged("damaged vbmeta image: half a descriptor", where=source.name)
        kind, following = _DESCRIPTOR.unpack_from(table, at)
        body = table[at : at + _DESCRIPTOR.size + following]
        if len(body) < _DESCRIPTOR.size + following:
            raise damaged(
                f"damaged vbmeta image: a descriptor of {following} bytes", where=source.name
            )
        if kind in _NAMES:
            length_at, name_at = _NAMES[kind]
            length = int.from_bytes(body[length_at : length_at + 4], "big")
            name = body[name_at : name_at + length].decode("ascii", "backslashreplace")
            (chained if kind == _CHAIN else covered).append(name)
        at += _DESCRIPTOR.size + following
    return tuple(chained), tuple(covered)
