# SPDX-License-Identifier: GPL-2.0-or-later
"""The QEMU process: started with its sockets in place, always noticed when it ends.

QEMU connects to sockets that are already listening, so no byte of a console is lost and nothing
has to be polled for. It dies with the process that started it.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import subprocess
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Self

from harness.deadline import Deadline
from harness.errors import MachineError, SetupError
from harness.processes import die_with_parent


class QemuProcess:
    """A running QEMU with its accepted sockets by name.

    argv:    whole command line; socket names in it are relative to ``cwd``
    cwd:     directory of the testbed; QEMU's own output goes to ``qemu.log`` there
    sockets: names that QEMU will connect to
    """

    def __init__(self, argv: Sequence[str], *, cwd: Path, sockets: Collection[str]) -> None:
        self._cwd = cwd
        self.log = cwd / "qemu.log"
        self.sockets: Mapping[str, socket.socket] = {}
        listeners = {name: _listen(cwd / name) for name in sockets}
        try:
            with self.log.open("wb") as log:
                # preexec_fn: prctl is one system call with everything bound beforehand; the
                # supervisor has no other thread yet.
                self._process = subprocess.Popen(
                    argv,
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=die_with_parent,
                )
            self.sockets = self._accept(listeners, Deadline(10))
        except FileNotFoundError as error:
            raise SetupError(f"no {argv[0]} here", hint="harness doctor") from error
        except BaseException:
            self.kill()
            raise
        finally:
            for name, listener in listeners.items():
                listener.close()
                (cwd / name).unlink(missing_ok=True)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def lost(self, during: str) -> MachineError:
        """The error that says how QEMU ended, in its own words."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2)
        code = self._process.poll()
        if code is None:
            how = "still runs but closed its connections"
        elif code < 0:
            how = f"was killed by {signal.Signals(-code).name}"
        else:
            how = f"ended with status {code}"
        words = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        if words and code:
            how += f": {words[-1]}"
        return MachineError(
            f"QEMU (pid {self.pid}) {how}",
            where=during,
            hint=f"see {self.log.parent}/consoles, then harness boot",
            context=words[-20:],
        )

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end; whether it came."""
        try:
            self._process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """End it now, whatever it does."""
        process = getattr(self, "_process", None)
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()
        for sock in self.sockets.values():
            sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _accept(
        self, listeners: Mapping[str, socket.socket], deadline: Deadline
    ) -> dict[str, socket.socket]:
        accepted: dict[str, socket.socket] = {}
        with selectors.DefaultSelector() as selector:
            for name, listener in listeners.items():
                selector.register(listener, selectors.EVENT_READ, name)
            while len(accepted) < len(listeners):
                if not self.alive:
                    raise self.lost("starting QEMU")
                missing = sorted(set(listeners) - set(accepted))
                deadline.check("QEMU to connect its consoles", last_seen=f"missing {missing}")
                for key, _ in selector.select(timeout=0.1):
                    name = str(key.data)
                    accepted[name] = listeners[name].accept()[0]
                    selector.unregister(listeners[name])
        return accepted


def _listen(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        # Through the descriptor: sun_path is too short for a deep checkout.
        listener.bind(f"/proc/self/fd/{directory}/{path.name}")
        listener.listen(1)
    except OSError:
        listener.close()
        raise
    finally:
        os.close(directory)
    return listener
