# SPDX-License-Identifier: GPL-2.0-or-later
"""``harness``: the command line.

A verb's module is imported at once, what the verb needs only when it runs: ``harness --help``
and ``harness exec`` start quickly.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.markup import escape

from harness.errors import HarnessError, SetupError

HELP = """Memory compression in Xen on ARM: build it, boot it, see what it does.

A first session:

    harness boot                    Xen, dom0, a Linux and an Android guest, in a minute
    harness status                  who has how much memory
    harness run first-light         fill, compress, verify; prints a table, leaves a report
    harness ssh linux               a shell in the guest
    harness compress linux --all    compress all that is idle
    harness stats linux             what was gained, what it cost
    harness console xen --follow    what the hypervisor says
    harness halt

GUEST is dom0, linux, android, or any guest of the profile. Exit codes: 0 good, 1 internal error,
2 usage, 3 set-up, 4 try again, 5 machine, 6 hypervisor, 7 guest, 8 scenario failed.
"""

# In the order of --help. A part that is not there (yet) has no verbs, anything else that goes
# wrong while importing one is an error.
MODULES = (
    "doctor",
    "build",
    "android_image",
    "machine",
    "guest",
    "memory",
    "pressure",
    "monitor",
    "estimate",
    "look",
    "debug",
    "scenarios",
    "sweep",
    "report",
    "config",
    "patches",
    "cache",
    "nightly",
)


def make_app() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(
        help=HELP,
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def testbed_name(
        name: str = typer.Option(
            "",
            "--name",
            metavar="TESTBED",
            envvar="XMC_TESTBED",
            help="Which testbed; several run side by side.",
        ),
    ) -> None:
        if name:
            # For this process and what it starts (pytest, the supervisor).
            os.environ["XMC_TESTBED"] = name

    for module in MODULES:
        full = f"harness.cli.{module}"
        try:
            part = importlib.import_module(full)
        except ModuleNotFoundError as error:
            if error.name != full:
                raise
            continue
        part.register(app)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Console script: one message and the right exit code for every error."""
    try:
        make_app()(args=arguments, standalone_mode=True)
    except HarnessError as error:
        show_error(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # Our reader has left (| head): no more output, and no complaint at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        full = SetupError(
            "no space left on this disk", where=str(error.filename or ""), hint="make room: df -h"
        )
        show_error(full)
        sys.exit(full.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


def show_error(error: HarnessError) -> None:
    """The lines around first, the message last, where the eye is."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for line in error.context:
        console.print(f"    {line}", style="dim", markup=False)
    where = f" [dim]({escape(error.where)})[/dim]" if error.where else ""
    console.print(f"[bold red]error:[/bold red] {escape(error.message)}{where}")
    if error.hint:
        console.print(f"  next: {escape(error.hint)}")


if __name__ == "__main__":
    main()
