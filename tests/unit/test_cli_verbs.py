# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: exit codes, messages and JSON of the verbs that need no machine."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli.app import main, make_app
from harness.cli.debug import parse_arguments
from harness.errors import UsageError
from harness.testbed import record as record_module
from harness.testbed.record import Folder, Record
from harness.testbed.states import Failure, State


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(record_module, "state_dir", lambda: tmp_path)
    monkeypatch.delenv("XMC_TESTBED", raising=False)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit status, standard output, standard error of ``harness WORDS``."""
    with pytest.raises(SystemExit) as caught:
        main(words)
    out, err = capsys.readouterr()
    code = caught.value.code
    return (code if isinstance(code, int) else 0), out, err


def test_help_names_every_verb_of_the_machine() -> None:
    text = CliRunner().invoke(make_app(), ["--help"]).output
    verbs = "boot reboot status ssh exec push pull console gdb"
    verbs += " qmp compress restore stats run figures halt config"
    for verb in verbs.split(" "):
        assert verb in text


@pytest.mark.parametrize("verb", ["boot", "exec", "gdb", "compress", "run", "qmp"])
def test_help_of_a_verb_teaches_by_example(verb: str) -> None:
    assert f"harness {verb}" in CliRunner().invoke(make_app(), [verb, "--help"]).output


def test_an_unknown_verb_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "fly")[0] == 2


@pytest.mark.parametrize(
    "words",
    [
        ("ssh", "linux"),
        ("exec", "linux", "--", "true"),
        ("pull", "linux", "/a", "/tmp/b"),
        ("stats",),
        ("compress", "linux"),
        ("qmp", "query-status"),
        ("reboot",),
    ],
)
def test_what_needs_a_testbed_says_so_when_it_is_off(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    status, out, err = run(capsys, *words)
    assert (status, out) == (2, "")
    assert "harness boot" in err


def test_the_first_failure_is_the_answer_with_its_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = Folder.named("broken")
    folder.path.mkdir()
    failure = Failure("HypervisorError", "Xen panicked: oh no", "", "", ("(XEN) x",), State.XEN, 2)
    folder.write(Record("broken", done=True, failure=failure))
    status, _, err = run(capsys, "--name", "broken", "exec", "linux", "--", "true")
    assert status == 6
    assert "Xen panicked: oh no" in err
    assert "(XEN) x" in err


def test_status_of_a_testbed_that_is_off_is_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "status", "--json")
    document = json.loads(out)
    assert (status, document["state"], document["guests"]) == (0, "off", {})


def test_halting_what_does_not_run_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "halt")[0] == 0
    assert json.loads(run(capsys, "halt", "--json")[1])["was_running"] is False


def test_a_console_is_shown_after_the_end_and_an_unknown_one_lists_the_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = Folder.named()
    folder.consoles.mkdir(parents=True)
    folder.console_log("xen").write_text("[    0.1] (XEN) one\n[    0.2] (XEN) two\n")
    assert run(capsys, "console", "xen")[1].splitlines()[1] == "[    0.2] (XEN) two"
    assert run(capsys, "console", "dom0", "-n", "1")[1] == "[    0.2] (XEN) two\n"
    status, _, err = run(capsys, "console", "moon")
    assert status == 2
    assert "one of xen" in err


def test_config_show_has_values_and_origins(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "config", "show", "-p", "hw-af", "--set", "board.cpus=1", "--json")
    document = json.loads(out)
    assert document["board.cpus"] == {"value": 1, "origin": "--set"}
    assert document["board.cpu"]["origin"] == "harness/profiles/hw-af.toml"
    _, out, _ = run(capsys, "config", "show")
    assert "board.memory_mib = 1024" in out
    assert "# harness/profiles/default.toml" in out


def test_a_bad_value_exits_with_2_and_names_the_key(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "config", "show", "--set", "board.memroy_mib=1")
    assert status == 2
    assert "board.memroy_mib" in err
    assert "memory_mib" in err


def test_pid_and_all_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "compress", "linux", "--pid", "1", "--all")[0] == 2


def test_the_name_option_reaches_what_is_started(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XMC_TESTBED", "before")
    run(capsys, "--name", "second", "halt")
    assert os.environ["XMC_TESTBED"] == "second"


def test_qmp_arguments_are_json_or_pairs() -> None:
    assert parse_arguments(['{"a": {"b": 1}}']) == {"a": {"b": 1}}
    assert parse_arguments(["val=1", "filename=/tmp/x", "on=true"]) == {
        "val": 1,
        "filename": "/tmp/x",
        "on": True,
    }
    for bad in (["{"], ["word"]):
        with pytest.raises(UsageError):
            parse_arguments(bad)
