# SPDX-License-Identifier: GPL-2.0-or-later
"""top, exporter: a running testbed, watched."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli.common import Json


def register(app: typer.Typer) -> None:
    """Add the verbs."""

    @app.command()
    def top(
        every: Annotated[float, typer.Option(min=0.2, help="Seconds between two looks.")] = 1.0,
        count: Annotated[int, typer.Option(min=0, help="Looks; 0: until Ctrl-C.")] = 0,
        as_json: Json = False,
    ) -> None:
        """Guests, pages, gain, restores and their latency, every second.

        harness top

        harness --name second top --every 5 --count 12 --json
        """
        from harness.monitor.observe import LiveObserver
        from harness.monitor.top import show
        from harness.testbed import attach

        with attach() as testbed:
            show(
                LiveObserver(testbed),
                testbed.name,
                every_s=every,
                count=count or None,
                as_json=as_json,
            )

    @app.command()
    def exporter(
        port: Annotated[int, typer.Option(help="Of the loopback interface; 0: any.")] = 9185,
        address: Annotated[
            str, typer.Option(help="Another interface than loopback.")
        ] = "127.0.0.1",
    ) -> None:
        """Serve what the testbed does to Prometheus, until Ctrl-C.

        harness exporter

        curl -s 127.0.0.1:9185/metrics | grep gained
        """
        from prometheus_client import start_http_server

        from harness.errors import SetupError
        from harness.monitor.exporter import registry
        from harness.monitor.observe import LiveObserver
        from harness.monitor.snapshot import take
        from harness.testbed import attach

        with attach() as testbed:
            observer = LiveObserver(testbed)
            try:
                server, thread = start_http_server(
                    port, addr=address, registry=registry(lambda: take(observer))
                )
            except OSError as error:
                raise SetupError(
                    f"cannot listen: {error.strerror}", where=f"{address}:{port}", hint="--port 0"
                ) from error
            typer.echo(f"http://{address}:{server.server_port}/metrics")
            try:
                thread.join()
            finally:
                server.shutdown()
