# SPDX-License-Identifier: GPL-2.0-or-later
"""The files of an image, and what each of them is for.

What a file is, its first bytes say. Only which one of several of the same kind is meant (vbmeta
and vbmeta_system, boot and recovery) is told by name, or by the profile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.build.aosp import bootimg, sparse
from harness.build.aosp.formats import FILE_SYSTEMS, Format, described, identify
from harness.build.aosp.source import Source, open_file
from harness.errors import UsageError

MOST_FILES = 1000
# The header of a vbmeta; no image is smaller.
SMALLEST = 256
# key of a profile -> formats that it may have
EXPECTED: Mapping[str, tuple[Format, ...]] = {
    "boot": (Format.BOOT,),
    "init_boot": (Format.BOOT,),
    "vendor_boot": (Format.VENDOR_BOOT,),
    "super": (Format.SUPER,),
    "vbmeta": (Format.VBMETA,),
    "vbmeta_system": (Format.VBMETA,),
    "userdata": (*FILE_SYSTEMS, Format.ZEROS),
    "disk": (Format.GPT, *FILE_SYSTEMS),
}
_WRAPPED = {
    Format.ZIP: "unpack it with unzip and give what is in it",
    Format.TAR: "unpack it with tar and give what is in it",
    Format.GZIP: "unpack it with gunzip",
    Format.XZ: "unpack it with unxz",
    Format.ZSTD: "unpack it with zstd -d",
    Format.QCOW2: "qemu-img convert -O raw OLD NEW makes a raw disk of it",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A file of an image.

    role:   key of a profile, vbmeta_NAME, or empty for what is not used
    source: its content, unpacked when it is a sparse image
    """

    role: str
    path: Path
    format: Format
    sparse: bool
    source: Source


def open_part(path: Path, role: str = "") -> Part:
    """A file and what it is. Raises UsageError when it cannot be read, or cannot be this role."""
    source: Source = open_file(path)
    found = identify(source)
    is_sparse = found is Format.SPARSE
    if is_sparse:
        source = sparse.parse(source)
        found = identify(source)
    if role and found not in EXPECTED[role]:
        raise UsageError(
            f"not {EXPECTED[role][0].phrase}: it is {described(source)}",
            where=str(path),
            hint=_WRAPPED.get(found, f"give {role}.img as it is in the build's output"),
        )
    return Part(role, path, found, is_sparse, source)


def collect(paths: Iterable[Path], named: Mapping[str, Path]) -> tuple[Part, ...]:
    """All files of an image.

    paths: files, and folders whose files are looked at
    named: files of which the profile says what they are for
    Raises UsageError when one cannot be read or two are for the same.
    """
    parts = [open_part(path, role) for role, path in named.items()]
    taken = {part.path.resolve() for part in parts}
    found = [_placed(open_part(path)) for path in _files(paths) if path.resolve() not in taken]
    for part in found:
        parts.append(replace(part, role="") if part.role in named else part)
    for role in {part.role for part in parts if part.role}:
        parts = _one_of(role, parts)
    return tuple(sorted(parts, key=lambda part: (not part.role, part.role, part.path)))


def _files(paths: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.iterdir() if one.is_file())
            # What a build leaves beside its images: texts, empty markers.
            found += [one for one in inside if one.stat().st_size >= SMALLEST]
        else:
            found.append(path)
    if len(found) > MOST_FILES:
        raise UsageError(f"more than {MOST_FILES} files: is this the folder of an image?")
    return found


def _placed(part: Part) -> Part:
    """With the role that its content gives it, if any."""
    role = ""
    if part.format is Format.BOOT:
        role = "boot" if bootimg.parse_boot(part.source).kernel.size else "init_boot"
    elif part.format is Format.VENDOR_BOOT:
        role = "vendor_boot"
    elif part.format is Format.SUPER:
        role = "super"
    elif part.format is Format.GPT:
        role = "disk"
    elif part.format is Format.VBMETA:
        stem = _stem(part.path)
        role = stem if stem.startswith("vbmeta_") else "vbmeta"
    elif part.format in EXPECTED["userdata"] and _stem(part.path) == "userdata":
        role = "userdata"
    return replace(part, role=role)


def _one_of(role: str, parts: Sequence[Part]) -> list[Part]:
    """One part with this role: the one that has its name, if there are more."""
    same = [part for part in parts if part.role == role]
    if len(same) < 2:
        return list(parts)
    chosen = [part for part in same if _stem(part.path) == role]
    if len(chosen) != 1:
        raise UsageError(
            f"{len(same)} files could be {role}: {', '.join(part.path.name for part in same)}",
            where=str(same[0].path.parent),
            hint=f'say which: {role} = "/path/of/the/file"',
        )
    return [replace(p, role="") if p in same and p is not chosen[0] else p for p in parts]


def _stem(path: Path) -> str:
    """Name without .img and the slot."""
    return path.name.split(".", 1)[0].removesuffix("_a").removesuffix("_b")
