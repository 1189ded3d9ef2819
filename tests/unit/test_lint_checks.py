# SPDX-License-Identifier: GPL-2.0-or-later
"""The style checks find what they are for, and let good code pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.lint import checkpatch, files, licence, xen_style
from harness.lint.__main__ import main

HEAD = "/* SPDX-License-Identifier: GPL-2.0-only */\n"
GOOD = """
static int f(int a)
{
    if ( a )
        return 1;
    else if ( g(a) && (a > 1) )
    {
        for ( ; ; )
            h("if (x) { // not code");
    }

    while ( a-- )
        do {
            a++; /* if (this) { */
        } while ( 0 );

    switch ( a )
    {
    case 1:
        break;
    }

    if ( a &&
         b )
        return for_each(a);

    return a;
}
#define ONE(x) do { (x) = 1; } while (0)
"""


def found(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "x.c"
    path.write_text(HEAD + text)
    return [problem for _, problem in xen_style.problems(path)]


@pytest.mark.parametrize("end", ['",', '");', '"PRI_gfn": bad",'])
def test_a_message_may_be_long(tmp_path: Path, end: str) -> None:
    assert found(tmp_path, '           "' + "a" * 80 + end + "\n") == []


def test_code_in_xens_style_passes(tmp_path: Path) -> None:
    assert found(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("\tint a;", "tab"),
        ("    int a; ", "space at the end of the line"),
        ("    " + "a" * 76 + ";", "81 columns, at most 79"),
        ("    if (a)", "if ( condition ) has spaces"),
        ("    if( a )", "if ( condition ) has spaces"),
        ("    while ( a)", "while ( condition ) has spaces"),
        ("    for (;;)", "for ( condition ) has spaces"),
        ("    if ( a ) {", "a brace has a line of its own"),
        ("    } else", "a brace has a line of its own"),
        ("    else {", "a brace has a line of its own"),
        ("int f(void) {", "a brace has a line of its own"),
        ("    a = 1; // one", "comments are /* */"),
    ],
)
def test_what_is_not_xens_style_is_found(tmp_path: Path, line: str, problem: str) -> None:
    problems = found(tmp_path, line + "\n")
    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_the_problem_is_on_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.c"
    path.write_text(HEAD + "/* a\n comment */\n    if (a)\n")
    assert [number for number, _ in xen_style.problems(path)] == [4]


def test_a_file_without_licence_or_newline_at_its_end_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.c"
    path.write_text("int a;")
    assert [number for number, _ in xen_style.problems(path)] == [1, 1]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("harness/x.py", "# SPDX-License-Identifier: GPL-2.0-or-later\n", None),
        ("harness/x.py", "import os\n", "no SPDX-License-Identifier (GPL-2.0-or-later)"),
        ("harness/x.py", "# SPDX-License-Identifier: MIT\n", "licence MIT, here it is"),
        ("guest-drivers/x.c", "// SPDX-License-Identifier: GPL-2.0-only\n", None),
        ("xen-patches/files/xen/include/public/x.h", "/* SPDX-License-Identifier: MIT */\n", None),
        ("xen-patches/files/xen/x.c", "/* SPDX-License-Identifier: MIT */\n", "licence MIT"),
        ("images/linux/overlay/etc/passwd", "root::0:0::/:/bin/sh\n", None),
        ("README.md", "# Title\n", None),
        ("harness/__init__.py", "", None),
    ],
)
def test_each_file_has_the_licence_of_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, problem: str | None
) -> None:
    monkeypatch.setattr(licence, "repo_root", lambda: tmp_path)
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    problems = [words for _, words in licence.problems(path)]
    assert len(problems) == (problem is not None)
    if problem:
        assert problems[0].startswith(problem)


@pytest.mark.parametrize(
    ("first", "is_shell"),
    [
        ("#!/bin/sh", True),
        ("#! /bin/bash -e", True),
        ("#!/usr/bin/env bash", True),
        ("#!/usr/bin/busybox sh", True),
        ("#!/usr/bin/python3", False),
        ("# sh", False),
        ("", False),
    ],
)
def test_shell_scripts_are_told_by_their_first_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str, is_shell: bool
) -> None:
    script = tmp_path / "script"
    script.write_text(first + "\n")
    monkeypatch.setattr(files, "tracked", lambda: [script])
    assert bool(files.shell_scripts()) is is_shell


def test_checkpatchs_findings_are_given_without_its_sums(tmp_path: Path) -> None:
    checker = tmp_path / "checkpatch.pl"
    checker.write_text(
        'print "a.c:1: WARNING:X: bad\\n", "total: 0 errors, 1 warnings, 9 lines\\n"; exit 1'
    )
    assert checkpatch.problems([tmp_path / "a.c"], checker=checker) == ["a.c:1: WARNING:X: bad"]


def test_an_unknown_check_is_a_usage_error_that_names_the_known() -> None:
    with pytest.raises(UsageError, match="python, shell, xen, linux, licences"):
        main(["moon"])
