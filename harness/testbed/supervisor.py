# SPDX-License-Identifier: GPL-2.0-or-later
"""The process that owns a testbed: ``python -m harness.testbed.supervisor FOLDER LOCK_FD``.

It is started with the testbed's lock in its hands, brings the testbed up, watches it, and takes
it down when asked to (SIGTERM), when the machine breaks, or, until it is up, when whoever asked
for it dies. QEMU dies with it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.config import profile_of
from harness.errors import HarnessError
from harness.machine.console import Console
from harness.processes import die_with_parent
from harness.testbed.bringup import Bringup
from harness.testbed.record import Folder, Record
from harness.testbed.states import Failure, State


class _Halted(BaseException):
    """SIGTERM: end the testbed. No Exception, so that nothing on the way takes it for an error."""


class Supervisor:
    """Brings one testbed up and looks after it."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._request = folder.read_request()
        self._started_s = time.monotonic()
        self._wake = threading.Event()
        self._events = folder.events.open("a", encoding="utf-8", buffering=1)
        self._record = Record(
            folder.name,
            profile=self._request.profile,
            overrides=self._request.overrides,
            supervisor_pid=os.getpid(),
            started=time.time(),
            digests=self._request.digests,
        )
        self._folder.write(self._record)

    def run(self) -> int:
        """The whole life; exit status of the process."""
        failure: Failure | None = None
        bringup: Bringup | None = None
        try:
            bringup = Bringup(
                profile_of(self._request.config, self._request.profile),
                self._request.files,
                self._folder,
                clock=self._elapsed_s,
                wake=self._on_console,
            )
            self._bring_up(bringup)
            self._watch(bringup)
        except _Halted:
            pass
        except HarnessError as error:
            failure = Failure.of(error, self._record.state, self._elapsed_s())
        except BaseException as error:
            traceback.print_exc()
            failure = Failure.of(error, self._record.state, self._elapsed_s())
        finally:
            # A second SIGTERM must not interrupt taking down.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            if bringup is not None:
                bringup.close()
            self._publish(
                state=State.OFF, done=True, failure=self._record.failure or failure, qemu_pid=0
            )
            self._event("state", state=State.OFF, failure=failure and failure.message)
        return 0 if failure is None else 1

    def _bring_up(self, bringup: Bringup) -> None:
        while bringup.state.rank < self._request.until.rank:
            state = bringup.step_up()
            if state is State.XEN and bringup.qmp is not None:
                bringup.qmp.watch(self._on_qmp)
            at_s = round(self._elapsed_s(), 3)
            last = state is self._request.until
            if last and self._request.background:
                die_with_parent(0)  # before anyone can see that it is up and leave
            self._event("state", state=state)
            self._publish(
                state=state,
                done=last,
                timeline={**self._record.timeline, state.value: at_s},
                ports=bringup.ports,
                domids=bringup.domids,
                controller=bringup.controller,
                qemu_pid=bringup.qemu.pid if bringup.qemu else 0,
            )

    def _watch(self, bringup: Bringup) -> None:
        """Until the machine breaks. A guest that breaks is noted and the others go on."""
        while True:
            # Consoles wake this at once, also when QEMU ends; the second is for what cannot.
            self._wake.wait(1.0)
            self._wake.clear()
            bringup.check_alive()
            for name in bringup.profile.guests:
                bad = bringup.consoles[name].bad_complete()
                if bad is not None and name not in self._record.guest_failures:
                    failure = Failure.of(bad.error(), self._record.state, self._elapsed_s())
                    self._event("guest-failure", guest=name, message=failure.message)
                    known = dict(self._record.guest_failures)
                    self._publish(guest_failures={**known, name: failure})

    def _on_console(self, console: Console) -> None:
        self._wake.set()

    def _on_qmp(self, event: Mapping[str, Any]) -> None:
        self._event("qmp", event=event.get("event"), data=event.get("data", {}))

    def _event(self, kind: str, **fields: object) -> None:
        line = {"t_s": round(self._elapsed_s(), 6), "kind": kind, **fields}
        self._events.write(json.dumps(line) + "\n")

    def _publish(self, **changes: Any) -> None:
        self._record = replace(self._record, **changes)
        self._folder.write(self._record)

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._started_s


def _halt(*_: object) -> None:
    raise _Halted


def main(argv: list[str]) -> int:
    """FOLDER and the descriptor of its lock, which stays open for as long as this lives."""
    folder = Folder(Path(argv[1]))
    lock = int(argv[2])
    os.set_inheritable(lock, False)  # QEMU must not hold it
    signal.signal(signal.SIGTERM, _halt)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever asked; they say SIGTERM
    try:
        parent = folder.read_request().parent
        die_with_parent(signal.SIGTERM)
        if os.getppid() != parent:
            return 1  # died before that took effect
        return Supervisor(folder).run()
    except _Halted:
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
