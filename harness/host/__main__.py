# SPDX-License-Identifier: GPL-2.0-or-later
"""``python3 -m harness.host``: what every make target does first, in a blink when all is well.

With Debian's own python3 and nothing else: checks the machine, installs missing Debian packages,
makes the virtual environment. Does not ask the mirror: what is built already needs none.
"""

from __future__ import annotations

import sys
import time


def main() -> int:
    """Returns the exit code."""
    from harness.errors import HarnessError
    from harness.host import doctor, venv

    def say(text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)

    try:
        doctor.require(doctor.run(network=False, say=say))
        venv.ensure(say=say)
    except HarnessError as error:
        for line in error.context:
            print(f"    {line}", file=sys.stderr)
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
