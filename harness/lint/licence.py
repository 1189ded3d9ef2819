# SPDX-License-Identifier: GPL-2.0-or-later
"""Each file says its licence, and it is the one of the work that it is part of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from harness.paths import repo_root

TAG = re.compile(r"SPDX-License-Identifier:\s*([A-Za-z0-9.+-]+(?: (?:WITH|OR|AND) [\w.+-]+)*)")
# The first that fits counts. Xen and Linux are GPL-2.0-only, and so is what is linked with them.
RULES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("xen-patches/files/xen/include/public/", ("MIT",)),
    ("xen-patches/", ("GPL-2.0-only",)),
    ("guest-drivers/", ("GPL-2.0-only",)),
    # What is linked with Xen's files to test them stands beside what tests them.
    ("tests/hypervisor/", ("GPL-2.0-only", "GPL-2.0-or-later")),
    # What runs in or is built into the Android guest has its upstream's licence.
    ("images/android/", ("Apache-2.0", "GPL-2.0-or-later", "GPL-2.0-only", "BSD-3-Clause", "MIT")),
    ("", ("GPL-2.0-or-later",)),
)
# Prose, the licences themselves, and data: lists, recorded output, patches (as what they change).
WITHOUT = (
    *(".md", ".txt", ".patch", ".json", ".log", ".png", ".svg", ".csv", ".config"),
    *("/series", "/config", ".gitignore"),
)
# An image's /etc is read by programs that know no comments, the kernel's ABI files have a form.
DATA = re.compile(r"^images/[^/]+/overlay/etc/[^/]+$|/sysfs-[^/]+$")
HEAD_BYTES = 2000


def problems(path: Path) -> Iterator[tuple[int, str]]:
    """Line number and what is wrong; nothing for a file that needs no tag."""
    name = path.relative_to(repo_root()).as_posix()
    if name.startswith("LICENSES/") or name.endswith(WITHOUT) or DATA.search(name):
        return
    if not path.stat().st_size:
        return
    head = path.read_bytes()[:HEAD_BYTES].decode("utf-8", "replace")
    found = TAG.search(head)
    wanted = next(licences for prefix, licences in RULES if name.startswith(prefix))
    if found is None:
        yield 1, f"no SPDX-License-Identifier ({' or '.join(wanted)})"
    elif found[1] not in wanted:
        line = head[: found.start()].count("\n") + 1
        yield line, f"licence {found[1]}, here it is {' or '.join(wanted)}"
