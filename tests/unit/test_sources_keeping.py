# SPDX-License-Identifier: GPL-2.0-or-later
"""What leaves the cache, what stays, and what is told of it."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli.app import make_app
from harness.errors import SetupError, UsageError
from harness.sources import cache, keeping, lock
from harness.sources.apt import Pinned
from harness.sources.cache import MANIFEST, obtain
from harness.sources.keeping import Kind

DAY_S = 24 * 3600.0


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XMC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(lock, "load", lock.Lock)
    cache.forget_verified()
    return tmp_path / "cache"


def make(step: str, *, days: float = 0) -> Path:
    def fill(out: Path) -> None:
        (out / "image").write_text(step)

    path, _ = obtain(step, "0123", fill)
    grow_old(path, days)
    return path


def grow_old(path: Path, days: float) -> None:
    then = time.time() - days * DAY_S
    for one in (*path.rglob("*"), path):
        os.utime(one, (then, then))


def download(folder: Path, content: bytes, *, days: float) -> Path:
    path = folder / "downloads" / hashlib.sha256(content).hexdigest()
    path.mkdir(parents=True)
    (path / "a.deb").write_bytes(content)
    grow_old(path, days)
    return path


def names(found: list[keeping.Entry]) -> list[str]:
    return sorted(entry.name for entry in found)


def test_what_was_not_used_for_long_goes_and_what_was_used_stays(folder: Path) -> None:
    old, new = make("old", days=40), make("new", days=20)
    left = folder / "tmp/gone.abc"
    left.mkdir(parents=True)
    grow_old(left, 40)
    assert names(keeping.prune(30 * DAY_S, dry_run=True)) == ["gone.abc", "old-0123"]
    assert old.is_dir()
    assert names(keeping.prune(30 * DAY_S)) == ["gone.abc", "old-0123"]
    assert (old.exists(), left.exists(), new.is_dir()) == (False, False, True)


def test_use_makes_an_object_young_again() -> None:
    path = make("kernel", days=40)
    cache.forget_verified()
    assert cache.find("kernel", "0123") == path
    assert keeping.prune(30 * DAY_S) == []


def test_what_a_checkout_built_last_stays_whatever_its_age(folder: Path) -> None:
    path = make("kernel", days=400)
    note = folder / "work/checkout/built.json"
    note.parent.mkdir(parents=True)
    note.write_text(json.dumps({"kernel": {"path": str(path / "image"), "digest": "0123"}}))
    assert keeping.prune(DAY_S) == []
    entry = next(one for one in keeping.entries() if one.kind is Kind.OBJECT)
    assert entry.kept == "built last by a checkout"


def test_a_note_that_cannot_be_read_keeps_everything(folder: Path) -> None:
    path = make("kernel", days=400)
    note = folder / "work/checkout/built.json"
    note.parent.mkdir(parents=True)
    note.write_text("{")
    with pytest.raises(SetupError, match="cannot tell what a checkout has built last"):
        keeping.prune(DAY_S)
    assert path.is_dir()


def test_a_download_that_a_lock_names_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named, other = download(folder, b"named", days=99), download(folder, b"other", days=99)
    pinned = Pinned("a", "1", "pool/a.deb", named.name, 5)
    monkeypatch.setattr(lock, "load", lambda: lock.Lock(sources={"a": ("1", pinned)}))
    assert [entry.path for entry in keeping.prune(DAY_S)] == [other]
    assert (named.is_dir(), other.exists()) == (True, False)


def test_what_is_damaged_is_found_and_removed_only_when_asked(folder: Path) -> None:
    good, bad = make("good"), make("bad")
    (bad / "image").write_text("changed")
    deb = download(folder, b"a package", days=0)
    (deb / "a.deb").write_bytes(b"cut")
    found = {entry.name: wrong for entry, wrong in keeping.verify()}
    assert found == {
        "good-0123": "",
        "bad-0123": "image is missing or changed",
        "a.deb": "its sha256 is another one",
    }
    assert bad.is_dir()
    assert len(list(keeping.verify(remove=True))) == 3
    assert (good.is_dir(), bad.exists(), deb.exists()) == (True, False, False)


def test_an_empty_cache_is_no_error() -> None:
    assert keeping.entries() == []
    assert keeping.prune(DAY_S) == []


def cli(*words: str) -> str:
    done = CliRunner().invoke(make_app(), ["cache", *words])
    if done.exception is not None:
        raise done.exception
    return done.stdout


def test_the_verbs_tell_sizes_ages_and_reasons(folder: Path) -> None:
    make("old", days=40)
    assert "40.0 d  objects/old-0123" in cli("list")
    assert json.loads(cli("list", "--json"))[0]["name"] == "old-0123"
    assert "1 would be removed" in cli("prune", "--dry-run")
    assert "1 removed" in cli("prune", "--unused", "4w")
    assert "0 looked at, 0 not as they were made" in cli("verify")


def test_damage_is_a_set_up_error_that_says_what_to_do() -> None:
    (make("bad") / MANIFEST).write_text("")
    with pytest.raises(SetupError, match="1 of the cache are not as they were made") as caught:
        cli("verify")
    assert "harness cache verify --remove" in caught.value.hint


@pytest.mark.parametrize("time", ["", "30", "x", "0h"])
def test_a_time_that_is_none_is_refused(time: str) -> None:
    with pytest.raises(UsageError):
        cli("prune", "--unused", time)
