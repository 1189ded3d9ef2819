# SPDX-License-Identifier: GPL-2.0-or-later
"""An image and the verdict on it, as a document for machines and as lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.build.aosp.checks import Verdict
from harness.build.aosp.image import Image

MIB = 1 << 20


def document(image: Image, verdict: Verdict) -> dict[str, Any]:
    """What ``harness android-image inspect --json`` prints; sizes in bytes."""
    kernel = image.kernel
    return {
        "kind": image.spec.kind.value,
        "boots": not verdict.problems,
        "parts": [
            {
                "path": str(part.path),
                "role": part.role or None,
                "format": part.format.value,
                "sparse": part.sparse,
                "bytes": part.source.size,
            }
            for part in image.parts
        ],
        "boot_header": image.boot.version if image.boot else None,
        "kernel": kernel
        and {
            "name": kernel.name,
            "version": kernel.version,
            "page_kib": kernel.page_kib,
            "bytes": len(kernel.content),
            "configuration": kernel.config is not None,
        },
        "ramdisks": [{"name": name, "bytes": len(content)} for name, content in image.ramdisks],
        "partitions": [
            {"name": one.name, "bytes": one.size, "format": image.file_systems.get(one.name)}
            for one in (image.super.partitions if image.super else ())
        ],
        "programs": image.programs and image.programs.machines,
        "verified_boot": image.vbmeta
        and {
            "verifies": image.vbmeta.verifies,
            "signed": image.vbmeta.signed,
            "chained": list(image.vbmeta.chained),
        },
        "cmdline": list(image.words),
        "parameters": dict(image.parameters),
        "problems": [
            {
                "message": problem.message,
                "where": problem.where,
                "hint": problem.hint,
                "context": list(problem.context),
                "exit_code": problem.exit_code,
            }
            for problem in verdict.problems
        ],
        "notes": list(verdict.notes),
    }


def lines(image: Image, verdict: Verdict) -> Iterator[str]:
    """The same for people, without the problems, which are told as errors are."""
    for part in image.parts:
        size = f"{part.source.size / MIB:.1f} MiB"
        packed = ", sparse" if part.sparse else ""
        yield f"{part.role or '-':14} {part.path.name}: {part.format}{packed}, {size}"
    kernel = image.kernel
    if kernel is not None:
        page = f"{kernel.page_kib} KiB pages" if kernel.page_kib else "pages of any size"
        known = "with" if kernel.config is not None else "without"
        version = f"Linux {kernel.version}"
        yield f"{'kernel':14} {kernel.name}: {version}, {page}, {known} its configuration"
    for name, content in image.ramdisks:
        yield f"{'ramdisk':14} {name}: {len(content) / MIB:.1f} MiB packed"
    for one in image.super.partitions if image.super else ():
        form = image.file_systems.get(one.name, "empty")
        yield f"{'partition':14} {one.name}: {form}, {one.size / MIB:.1f} MiB"
    if image.programs is not None and image.programs.machines:
        seen = ", ".join(f"{count} for {name}" for name, count in image.programs.machines.items())
        yield f"{'programs':14} {seen}"
    if image.vbmeta is not None:
        state = "verifies" if image.vbmeta.verifies else "verifies nothing"
        chain = f", chained: {', '.join(image.vbmeta.chained)}" if image.vbmeta.chained else ""
        yield f"{'verified boot':14} {state}{chain}"
    if image.words:
        yield f"{'command line':14} {' '.join(image.words)}"
    for key, value in image.parameters.items():
        yield f"{'parameter':14} {key}={value}"
    for note in verdict.notes:
        yield f"note: {note}"
    if not verdict.problems:
        yield f"it would be booted as {image.spec.kind}"
