# SPDX-License-Identifier: GPL-2.0-or-later
"""``python -m harness.sources``: take this machine's lock over into the checkout."""

from harness.sources import lock

if __name__ == "__main__":
    if lock.adopt():
        print(f"wrote {lock.repository_path()}: review its diff, then commit it")
    else:
        print(f"{lock.repository_path()} is what is in force: nothing to do")
