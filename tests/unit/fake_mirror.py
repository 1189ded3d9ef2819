# SPDX-License-Identifier: GPL-2.0-or-later
"""A mirror on the loopback that serves what a test gives it, and fails as a test wants."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from harness.sources.apt import Pinned


class FakeMirror:
    """Files by path, and what to answer before them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.files: dict[str, bytes] = {}
        self.statuses: list[int] = []
        """Answered, one a request, before any file is."""
        self.cut_bytes = 0
        """As many are kept back at the end of the next file."""
        self.asked: list[str] = []

    def add(self, pool: str, content: bytes, *, name: str = "xen", version: str = "1") -> Pinned:
        """Serve a file of the pool."""
        self.files[f"/debian/{pool}"] = content
        return Pinned(name, version, pool, hashlib.sha256(content).hexdigest(), len(content))


@contextmanager
def serve() -> Iterator[FakeMirror]:
    """Serve until the end of the block."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    mirror = FakeMirror(f"http://127.0.0.1:{server.server_port}/debian")
    server.mirror = mirror  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield mirror
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        mirror: FakeMirror = self.server.mirror  # type: ignore[attr-defined]
        path = self.path.replace("%2B", "+")
        mirror.asked.append(path)
        if mirror.statuses:
            self.send_error(mirror.statuses.pop(0))
            return
        content = mirror.files.get(path)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) - mirror.cut_bytes])
        mirror.cut_bytes = 0

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""
