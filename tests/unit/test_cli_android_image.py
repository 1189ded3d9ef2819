# SPDX-License-Identifier: GPL-2.0-or-later
"""``harness android-image inspect``: what it prints, and how it ends."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from harness.cli.app import main
from tests.unit import aosp_images as images


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """Exit status, standard output, standard error of ``harness android-image inspect WORDS``."""
    with pytest.raises(SystemExit) as caught:
        main(["android-image", "inspect", *map(str, words)])
    out, err = capsys.readouterr()
    code = caught.value.code
    return (code if isinstance(code, int) else 0), out, err


def test_a_good_image_is_described(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = images.cuttlefish(tmp_path)
    code, out, _ = run(capsys, folder)
    assert code == 0
    for words in (
        "boot           boot.img: Android boot image, 0.0 MiB",
        "Linux 6.12.1-test, 4 KiB pages, with its configuration",
        "partition      system_a: ext4 file system, 0.2 MiB",
        "programs       2 for arm64",
        "verified boot  verifies, chained: vbmeta_system",
        "it would be booted as cuttlefish",
    ):
        assert words in out
    code, out, _ = run(capsys, folder / "super.img", folder / "boot.img", "--json")
    document = json.loads(out)
    assert code == 2
    assert not document["boots"]
    assert document["partitions"][0]["name"] == "system_a"
    assert document["problems"][0]["message"] == "no vendor_boot.img"


def test_what_would_not_boot_is_said_last(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    gki = images.boot_v4(gzip.compress(images.kernel(images.GKI_CONFIG)), b"")
    code, out, err = run(capsys, images.cuttlefish(tmp_path, boot=gki))
    assert code == 2
    assert "would be booted" not in out
    assert "error: kernel in boot.img has no CONFIG_XEN" in err
    assert "CONFIG_HVC_XEN is not set: no console" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["/no/such/file"], "no such file"),
        ([".", "--kind", "windows"], "no kind 'windows'"),
        ([".", "--slot", "_c"], "no slot '_c'"),
    ],
)
def test_wrong_words_are_usage_errors(
    capsys: pytest.CaptureFixture[str], words: list[str], message: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(images.cuttlefish(tmp_path))
    code, _, err = run(capsys, *words)
    assert code == 2
    assert message in err
