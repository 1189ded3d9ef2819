# SPDX-License-Identifier: GPL-2.0-or-later
"""A small xen-patches/, for tests that need not know the real one."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from harness.build.step import Built
from harness.build.xen import XenSource
from harness.patches import check, series

ORIGINAL = "int one;\nint two;\nint three;\nint four;\n"
PATCH = """Subject: [PATCH] xen: change two,
 and say so

Because.
---
 xen/a.c | 2 +-

diff --git a/xen/a.c b/xen/a.c
--- a/xen/a.c
+++ b/xen/a.c
@@ -1,4 +1,4 @@
 int one;
-int two;
+int zwei;
 int three;
 int four;
"""
EXPORT = """
title = "a title"
letter = "A letter."
[[new]]
before = "0001-a.patch"
subject = "xen: add new"
body = "It is new."
files = ["xen/new/"]
"""
IMPORTS = """
[[file]]
from = "lib/lzo.c"
to = "xen/new/lzo.c"
sha256 = "0"
"""


class Ours:
    """A small xen-patches/ and the Xen it is for."""

    def __init__(self, folder: Path) -> None:
        self.top = folder / "xen-patches"
        self.tarball = folder / "xen.tar"
        self.linux = folder / "linux"
        source = folder / "xen-4.20/xen"
        source.mkdir(parents=True)
        (source / "a.c").write_text(ORIGINAL)
        with tarfile.open(self.tarball, "w") as archive:
            archive.add(folder / "xen-4.20", "xen-4.20")
        self.write("patches/0001-a.patch", PATCH)
        self.write("patches/series", "0001-a.patch\n")
        self.write("files/xen/new/b.c", "int b;\n")
        self.write("export.toml", EXPORT)
        self.write("lib-import.toml", IMPORTS)
        (self.linux / "lib").mkdir(parents=True)
        (self.linux / "lib/lzo.c").write_text("int lzo;\n")

    def write(self, name: str, text: str) -> None:
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def check(self) -> check.Report:
        return check.check(series.load(), self.tarball)

    @property
    def source(self) -> XenSource:
        return XenSource(self.tarball, "digest", Built("linux-files", self.linux, "digest"))


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ours:
    made = Ours(tmp_path)
    for module in ("patches.series", "patches.steps", "patches.elsewhere", "build.xen"):
        monkeypatch.setattr(f"harness.{module}.patches_dir", lambda: made.top)
    monkeypatch.setattr("harness.build.linux_files.list_path", lambda: made.top / "lib-import.toml")
    for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{name}_NAME", "A Tester")
        monkeypatch.setenv(f"{name}_EMAIL", "tester@example.org")
    return made
