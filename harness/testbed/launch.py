# SPDX-License-Identifier: GPL-2.0-or-later
"""Starting and ending testbeds: boot, reboot, halt."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from harness.config import Resolved, load_profile, shipped_profiles
from harness.config.model import GuestKind
from harness.deadline import Deadline
from harness.errors import MachineError, SetupError, UsageError
from harness.progress import step
from harness.testbed import own_images
from harness.testbed.live import Testbed, attach
from harness.testbed.record import Folder, Record, Request
from harness.testbed.states import State

POLL_S = 0.05
HALT_S = 20.0
# name of an artifact on disk -> its field in harness.build.artifacts.Artifacts
ARTIFACTS = ("xen", "kernel", "dom0_initrd", "linux_initrd", "android_root", "programs")
STEPS = {
    State.XEN: "boot: QEMU and Xen",
    State.DOM0: "boot: dom0",
    State.GUESTS: "boot: create guests",
    State.READY: "boot: guests",
}


def boot(
    profile: str = "default",
    *,
    overrides: Sequence[str] = (),
    name: str | None = None,
    until: State = State.READY,
    background: bool = True,
    files: Mapping[str, Path] | None = None,
) -> Testbed:
    """Start a testbed and wait until it has reached ``until``.

    profile:    shipped name or path
    overrides:  ``key.path=value``
    name:       of the testbed; several run side by side under different names
    background: outlive the calling process; else the testbed ends with it, even by SIGKILL
    files:      other artifacts than the built ones, by name

    Raises UsageError when it already runs, SetupError when something is not built or a port is
    busy, and the first failure of the boot; nothing is left running then.
    """
    resolved = load_profile(profile, overrides=overrides)
    if Path(profile).exists() and profile not in shipped_profiles():
        profile = str(Path(profile).resolve())  # reboot may be called from another folder
    folder = Folder.named(name)
    paths, digests = artifacts(resolved, files)
    with ExitStack() as stack:
        lock = folder.try_lock()
        if lock is None:
            raise UsageError(
                f"testbed {folder.name} is running",
                where=str(folder.path),
                hint="harness reboot, harness halt, or another --name",
            )
        stack.callback(os.close, lock)
        folder.clean()
        paths |= own_images.prepare(resolved.profile, folder.path, paths)
        folder.write_request(
            Request(
                profile=profile,
                overrides=tuple(overrides),
                config=resolved.document,
                files=paths,
                digests=digests,
                until=until,
                background=background,
                parent=os.getpid(),
            )
        )
        supervisor = _spawn(folder, lock)
    try:
        _wait_up(folder, supervisor, until, resolved)
    except BaseException:
        _end(supervisor)
        raise
    return attach(folder.name)


def already_up(
    profile: str = "default", *, overrides: Sequence[str] = (), name: str | None = None
) -> Testbed | None:
    """The running testbed, if it is ready and exactly what ``boot`` would make now.

    Raises UsageError when one runs that is of another profile or another build.
    """
    folder = Folder.named(name)
    if not folder.running():
        return None
    record = folder.read()
    request = folder.read_request()
    resolved = load_profile(profile, overrides=overrides)
    if request.config != resolved.document:
        what = f"is running another profile ({request.profile} {' '.join(request.overrides)})"
    elif dict(request.digests) != artifacts(resolved)[1]:
        what = "is running an earlier build"
    elif record.failure is not None or record.state is not State.READY:
        what = f"is running, in state {record.state}"
    else:
        return attach(folder.name)
    raise UsageError(
        f"testbed {folder.name} {what}", hint="harness reboot, harness halt, or another --name"
    )


def reboot(name: str | None = None, *, background: bool = True) -> Testbed:
    """Halt and boot again what was booted last, from what is built now."""
    folder = Folder.named(name)
    request = folder.read_request()
    halt(folder.name)
    return boot(
        request.profile,
        overrides=request.overrides,
        name=folder.name,
        until=request.until,
        background=background,
    )


def halt(name: str | None = None) -> Record | None:
    """End a testbed; its record, or None when it was not running.

    Raises MachineError when even SIGKILL does not end it.
    """
    folder = Folder.named(name)
    if not folder.running():
        return None
    record = folder.read()
    with step(f"halt: {folder.name}"):
        deadline = Deadline(HALT_S)
        _signal(record.supervisor_pid, signal.SIGTERM)
        while folder.running():
            if deadline.expired:
                # QEMU goes with it: the kernel sends it the signal.
                _signal(record.supervisor_pid, signal.SIGKILL)
                last = Deadline(5)
                while folder.running():
                    last.check(f"testbed {folder.name} to end", last_seen=record.state.value)
                    time.sleep(POLL_S)
            time.sleep(POLL_S)
    return record


def artifacts(
    resolved: Resolved, files: Mapping[str, Path] | None = None
) -> tuple[dict[str, str], dict[str, str]]:
    """Paths and digests of what the profile's machine is made of. Raises SetupError."""
    guests = resolved.profile.guests.values()
    needless = {
        "android_root": all(guest.kind is not GuestKind.ANDROID for guest in guests),
        "programs": not any(guest.programs for guest in guests),
    }
    wanted = [name for name in ARTIFACTS if not needless.get(name, False)]
    given = {key: str(path.resolve()) for key, path in (files or {}).items()}
    if given.keys() >= set(wanted):
        return given, {}
    from harness.build.artifacts import existing

    built = existing()
    found = {name: getattr(built, name) for name in wanted}
    if found.get("android_root", built.kernel) is None:
        raise SetupError(
            "the Android image is not built",
            hint="harness build images, or --set guests.android.enabled=false",
        )
    if found.get("programs", built.kernel) is None:
        raise SetupError("the disk of programs is not built", hint="harness build programs")
    paths = {name: str(artifact.path) for name, artifact in found.items()}
    # A machine of which a part was given is that of no build.
    digests = {} if given else {name: artifact.digest for name, artifact in found.items()}
    return paths | given, digests | own_images.digests(resolved.profile)


def _spawn(folder: Folder, lock: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "harness.testbed.supervisor", str(folder.path), str(lock)]
    with folder.supervisor_log.open("wb") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=[lock],
            start_new_session=True,  # Ctrl-C in the terminal reaches us, and we say SIGTERM
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )


def _wait_up(
    folder: Folder, supervisor: subprocess.Popen[bytes], until: State, resolved: Resolved
) -> None:
    limits = resolved.profile.timeouts
    profile = resolved.profile
    guests_s = max(limits.guest_s, sum(map(profile.boot_s, profile.guests.values())))
    # The supervisor keeps the deadlines; this one is for a supervisor that does not.
    deadline = Deadline(limits.xen_s + limits.dom0_s + 2 * guests_s + 120)
    for state in State:
        if 0 < state.rank <= until.rank:
            with step(STEPS[state]) as progress:
                _wait_state(folder, supervisor, state, deadline)
                if state is State.DOM0 and not folder.read().controller:
                    progress.note("this Xen has no memory compression controller")


def _wait_state(
    folder: Folder, supervisor: subprocess.Popen[bytes], state: State, deadline: Deadline
) -> None:
    while True:
        ended = supervisor.poll() is not None  # before reading, or its last words would be missed
        record = folder.read()
        if record.failure is not None and (ended or record.done) and record.state is State.OFF:
            supervisor.wait(timeout=HALT_S)
            raise record.failure.error()
        if record.state.rank >= state.rank:
            return
        if ended and record.done:
            raise MachineError(f"testbed {folder.name} was halted while it booted")
        if ended:
            words = folder.supervisor_log.read_text("utf-8", "replace").strip().splitlines()
            raise MachineError(
                f"the supervisor ended with status {supervisor.returncode}",
                where=str(folder.supervisor_log),
                context=words[-30:],
            )
        deadline.check(f"testbed {folder.name} to reach {state}", last_seen=record.state.value)
        time.sleep(POLL_S)


def _end(supervisor: subprocess.Popen[bytes]) -> None:
    """Take a supervisor down with all it owns."""
    if supervisor.poll() is None:
        supervisor.terminate()
        try:
            supervisor.wait(timeout=HALT_S)
        except subprocess.TimeoutExpired:
            supervisor.kill()
            supervisor.wait()


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        if pid > 0:
            os.kill(pid, number)
