# SPDX-License-Identifier: GPL-2.0-or-later
"""Images and corpus from packages: libraries by being linked to, pointers as at run time."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from harness.build.corpus import PROGRAM_BASE, relocated, section
from harness.build.elf import Elf
from harness.build.images import PackageFiles, add_files, skeleton, wanted_packages
from harness.build.packages import Packages
from harness.build.step import CROSS_COMPILE
from harness.errors import SetupError

LIBRARY_DIR = "usr/lib/aarch64-linux-gnu"
PROGRAM = """
int helper(void);
static int one = 1;
int *table[600] = { [5] = &one };
int main(void) { return helper() + *table[5]; }
"""


def compile_c(source: str, out: Path, *flags: str) -> Path:
    gcc = shutil.which(f"{CROSS_COMPILE}gcc")
    assert gcc, "the cross compiler is a requirement of the harness"
    out.parent.mkdir(parents=True, exist_ok=True)
    command = [gcc, "-x", "c", "-", "-x", "none", "-o", str(out), *flags]
    subprocess.run(command, input=source.encode(), check=True)
    return out


def make_deb(root: Path, to: Path) -> Path:
    control = root / "DEBIAN/control"
    control.parent.mkdir(parents=True)
    control.write_text(
        "Package: trial\nVersion: 1\nArchitecture: arm64\nMaintainer: nobody\nDescription: none\n"
    )
    subprocess.run(["dpkg-deb", "-b", str(root), str(to)], check=True, capture_output=True)
    return to


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package root with a program and a library that it is linked to."""
    root = tmp_path_factory.mktemp("root")
    libraries = root / LIBRARY_DIR
    library = compile_c(
        "int helper(void) { return 1; }",
        libraries / "libhelper.so.1.2",
        "-shared",
        "-fPIC",
        "-nostdlib",
        "-Wl,-soname,libhelper.so.1",
    )
    (libraries / "libhelper.so.1").symlink_to("libhelper.so.1.2")
    compile_c(
        PROGRAM,
        root / "usr/bin/trial",
        "-nostdlib",
        "-Wl,-e,main",
        "-pie",
        "-fPIE",
        str(library),
        "-Wl,-dynamic-linker,/lib/ld-trial.so.1",
    )
    (libraries / "ld-trial.so.1").write_bytes(library.read_bytes())
    return root


@pytest.fixture(scope="module")
def files(program: Path, tmp_path_factory: pytest.TempPathFactory) -> PackageFiles:
    deb = make_deb(program, tmp_path_factory.mktemp("debs") / "trial.deb")
    return PackageFiles(Packages((deb,), ("0",)))


def listing(folder: Path, text: str) -> Path:
    path = folder / "files.txt"
    path.write_text(text)
    return path


def test_libraries_come_by_being_linked_to(files: PackageFiles, tmp_path: Path) -> None:
    tree = skeleton()
    add_files(tree, listing(tmp_path, "usr/bin/trial  usr/sbin/renamed # comment\n"), files)
    assert tree["usr/sbin/renamed"].content == files.read("usr/bin/trial")
    # By the name that the program knows, not the file's.
    assert "usr/lib/libhelper.so.1" in tree
    assert "usr/lib/ld-trial.so.1" in tree
    assert "usr/lib/libhelper.so.1.2" not in tree


def test_a_file_that_no_package_has_is_named(files: PackageFiles, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no package has usr/bin/gone"):
        add_files(skeleton(), listing(tmp_path, "usr/bin/gone usr/bin/gone\n"), files)


def test_a_library_that_no_package_has_is_named(program: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    shutil.copytree(program / "usr/bin", root / "usr/bin")
    alone = PackageFiles(Packages((make_deb(root, tmp_path / "alone.deb"),), ("0",)))
    with pytest.raises(SetupError, match=r"which usr/bin/trial needs"):
        add_files(skeleton(), listing(tmp_path, "usr/bin/trial usr/bin/trial\n"), alone)


def test_a_package_that_is_none_is_an_error(tmp_path: Path) -> None:
    broken = tmp_path / "broken.deb"
    broken.write_bytes(b"!<arch>\n")
    with pytest.raises(SetupError, match=r"cannot unpack broken\.deb"):
        PackageFiles(Packages((broken,), ("0",)))


def test_elf_says_what_readelf_says(program: Path) -> None:
    elf = Elf((program / "usr/bin/trial").read_bytes())
    assert elf.needed == ["libhelper.so.1"]
    assert elf.interpreter == "/lib/ld-trial.so.1"
    with pytest.raises(ValueError, match="ELF"):
        Elf(b"#!/bin/sh\n")


def test_pointers_of_the_corpus_are_as_the_dynamic_linker_leaves_them(program: Path) -> None:
    data = (program / "usr/bin/trial").read_bytes()
    where = next(iter(dict(Elf(data).relative_relocations()).items()))
    image = relocated(data, PROGRAM_BASE)
    words = struct.unpack(f"<{len(image) // 8}Q", image[: len(image) // 8 * 8])
    assert PROGRAM_BASE + where[1] in words
    assert section(data, ".text")
    assert section(data, ".no-such") == b""


@pytest.mark.parametrize("image", ["dom0", "linux"])
def test_recipes_name_packages_once(image: str) -> None:
    names = wanted_packages(image)
    assert "dropbear-bin" in names
    assert len(set(names)) == len(names)
