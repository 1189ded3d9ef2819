# SPDX-License-Identifier: GPL-2.0-or-later
"""QMP for callers that are not asynchronous.

    with Qmp.connect(path, Deadline(5)) as qmp:
        qmp.execute("query-status")

qemu.qmp is asyncio; it runs in a loop on a thread of its own here, and each call waits for its
reply with a deadline. That the connection has ended is noticed at once by whoever waits, and by
every later call. ``events`` are kept until they are asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from qemu.qmp import ExecuteError, QMPClient, QMPError, Runstate

from harness.deadline import Deadline
from harness.errors import MachineError, TransientError, UsageError

T = TypeVar("T")
Event = Mapping[str, Any]

# Its errors reach us as exceptions, and are told once.
logging.getLogger("qemu.qmp").setLevel(logging.CRITICAL)

COMMAND_S = 30.0
# The port that harness.machine.argv leaves free: virtio-mmio slots cannot be plugged into.
HOTPLUG_BUS = "hotplug0"
# sun_path holds 108 bytes with its terminating zero.
SUN_PATH_MAX = 100


class Qmp:
    """One QMP connection on its own thread."""

    def __init__(self, sock: socket.socket, deadline: Deadline, *, name: str = "qemu") -> None:
        """Negotiate on a connected socket. Raises MachineError when QEMU does not answer."""
        self._name = name
        self._lost: str | None = None
        self._events: list[Event] = []
        self._arrived = threading.Condition()
        self._watchers: list[Callable[[Event], None]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run_loop, name=f"qmp {name}", daemon=True)
        self._thread.start()
        sock.setblocking(False)
        try:
            self._client = self._wait(self._open(sock), deadline, "the QMP greeting")
        except BaseException as error:
            self._stop_loop()
            sock.close()
            if isinstance(error, (QMPError, OSError, EOFError)):
                raise MachineError(f"no QMP greeting: {error}", where=f"QMP of {name}") from error
            raise

    @classmethod
    def connect(cls, path: Path, deadline: Deadline, *, name: str = "qemu") -> Self:
        """Connect to QEMU's listening socket.

        QEMU serves one client of a socket at a time: while another command holds it, this waits.
        """
        try:
            return cls(connect_unix(path), deadline, name=name)
        except OSError as error:
            raise MachineError(
                f"no QMP: {error}", where=str(path), hint="harness status"
            ) from error

    @property
    def lost(self) -> str | None:
        """Why the connection ended; None while it lives."""
        return self._lost

    def execute(
        self,
        command: str,
        arguments: Mapping[str, object] | None = None,
        *,
        timeout_s: float = COMMAND_S,
    ) -> Any:
        """Run a command and return its value.

        Raises UsageError when QEMU refuses it (its words are the message), MachineError when the
        connection ends or the reply does not come in time.
        """
        self._require_live()
        what = f"QMP {command}"
        call = self._client.execute(command, dict(arguments) if arguments else None)
        try:
            return self._wait(call, Deadline(timeout_s), what)
        except ExecuteError as error:
            raise UsageError(f"{command}: {error}", where=f"QMP of {self._name}") from error
        except (QMPError, OSError, asyncio.CancelledError, EOFError) as error:
            self._lost = self._lost or f"{type(error).__name__}: {error}"
            raise MachineError(
                f"QEMU went away during {command}: {self._lost}", where=f"QMP of {self._name}"
            ) from error

    def hmp(self, command_line: str) -> str:
        """Run a command of the human monitor; for what QMP lacks, such as gdbserver."""
        return str(self.execute("human-monitor-command", {"command-line": command_line}))

    def events(self, deadline: Deadline, *names: str) -> Iterator[Event]:
        """Events as they come, those from before the call first; all, or the named ones.

        Ends when the connection ends; raises DeadlineExceeded when nothing comes in time.
        """
        while True:
            event = self._next_event(deadline, names)
            if event is None:
                return
            yield event

    def wait_event(self, name: str, deadline: Deadline) -> Event:
        """The next event of that name. Raises MachineError when the connection ends first."""
        for event in self.events(deadline, name):
            return event
        raise MachineError(
            f"QEMU went away while waiting for {name}: {self._lost}", where=f"QMP of {self._name}"
        )

    def watch(self, watcher: Callable[[Event], None]) -> None:
        """Call ``watcher`` for every event from now on, on the connection's own thread."""
        self._watchers.append(watcher)

    def stop(self) -> None:
        """Pause the whole machine."""
        self.execute("stop")

    def cont(self) -> None:
        """Let it go on."""
        self.execute("cont")

    def pmemsave(self, path: Path, *, address: int, size_bytes: int) -> None:
        """Write physical memory of the board to a file on the host."""
        arguments = {"val": address, "size": size_bytes, "filename": str(path)}
        self.execute("pmemsave", arguments, timeout_s=300)

    def add_disk(self, name: str, path: Path, *, read_only: bool = False) -> None:
        """Hot-plug a raw file as a virtio disk on the board's PCIe port."""
        node = {
            "node-name": name,
            "driver": "raw",
            "read-only": read_only,
            "file": {"driver": "file", "filename": str(path)},
        }
        self.execute("blockdev-add", node)
        disk = {"driver": "virtio-blk-pci", "bus": HOTPLUG_BUS, "id": name, "drive": name}
        try:
            self.execute("device_add", disk)
        except UsageError:
            self.execute("blockdev-del", {"node-name": name})
            raise

    def add_network(self, name: str, **options: object) -> None:
        """Hot-plug a user-mode network device."""
        self.execute("netdev_add", {"type": "user", "id": name, **options})
        card = {"driver": "virtio-net-pci", "bus": HOTPLUG_BUS, "id": name, "netdev": name}
        try:
            self.execute("device_add", card)
        except UsageError:
            self.execute("netdev_del", {"id": name})
            raise

    def remove_device(self, name: str, deadline: Deadline) -> None:
        """Unplug a device and wait until the machine has let go of it."""
        self.execute("device_del", {"id": name})
        for event in self.events(deadline, "DEVICE_DELETED"):
            if event.get("data", {}).get("device") == name:
                return

    def throttle(self, device: str, *, bytes_per_s: int = 0, operations_per_s: int = 0) -> None:
        """Limit a disk (0: no limit): ``assets``, ``android``, or one that was plugged in."""
        arguments = {
            **self._block_device(device),
            "bps": bytes_per_s,
            "bps_rd": 0,
            "bps_wr": 0,
            "iops": operations_per_s,
            "iops_rd": 0,
            "iops_wr": 0,
        }
        self.execute("block_set_io_throttle", arguments)

    def _block_device(self, name: str) -> dict[str, str]:
        """How QEMU wants a disk to be named: a -drive by its id, a plugged one by its path."""
        for block in self.execute("query-block"):
            if block.get("device") == name:
                return {"device": name}
            if name in str(block.get("qdev", "")).split("/"):
                return {"id": block["qdev"]}
        raise UsageError(f"no disk {name!r}", where=f"QMP of {self._name}", hint="query-block")

    def quit(self) -> None:
        """End QEMU. The reply races the end of the connection: either is a success."""
        if self._lost is None:
            with contextlib.suppress(MachineError, TransientError):
                self.execute("quit", timeout_s=5)

    def close(self) -> None:
        """End the connection, not QEMU."""
        if self._thread.is_alive():
            with contextlib.suppress(Exception):
                self._wait(self._client.disconnect(), Deadline(5), "QMP disconnect")
            self._stop_loop()
        self._lost = self._lost or "closed"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _require_live(self) -> None:
        if self._lost is not None:
            raise MachineError(
                f"the connection to QEMU has ended: {self._lost}", where=f"QMP of {self._name}"
            )

    def _next_event(self, deadline: Deadline, names: tuple[str, ...]) -> Event | None:
        with self._arrived:
            while True:
                for index, event in enumerate(self._events):
                    if not names or event["event"] in names:
                        return self._events.pop(index)
                if self._lost is not None:
                    return None
                deadline.check(f"QMP event {' or '.join(names) or 'of any kind'}")
                self._arrived.wait(min(1.0, deadline.remaining_s()))

    async def _open(self, sock: socket.socket) -> QMPClient:
        client = QMPClient(self._name)
        await client.connect(sock)
        self._tasks = [
            asyncio.create_task(self._collect(client)),
            asyncio.create_task(self._notice_end(client)),
        ]
        return client

    async def _collect(self, client: QMPClient) -> None:
        async for message in client.events:
            event = dict(message)
            with self._arrived:
                self._events.append(event)
                del self._events[:-1000]
                self._arrived.notify_all()
            for watcher in self._watchers:
                watcher(event)

    async def _notice_end(self, client: QMPClient) -> None:
        while client.runstate is Runstate.RUNNING:
            await client.runstate_changed()
        with self._arrived:
            self._lost = self._lost or "QEMU closed it"
            self._arrived.notify_all()

    def _wait(self, call: Coroutine[Any, Any, T], deadline: Deadline, what: str) -> T:
        future = asyncio.run_coroutine_threadsafe(call, self._loop)
        try:
            return future.result(timeout=max(0.01, deadline.remaining_s()))
        except TimeoutError:
            future.cancel()
            deadline.check(what, last_seen="nothing")
            raise MachineError(f"timed out waiting for {what}") from None

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def _stop_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)


def connect_unix(path: Path) -> socket.socket:
    """Connect to a unix socket, however deep its directory lies."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    directory: int | None = None
    try:
        if len(str(path)) > SUN_PATH_MAX:
            directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
            sock.connect(f"/proc/self/fd/{directory}/{path.name}")
        else:
            sock.connect(str(path))
    except OSError:
        sock.close()
        raise
    finally:
        if directory is not None:
            os.close(directory)
    return sock
