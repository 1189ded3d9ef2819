# SPDX-License-Identifier: GPL-2.0-or-later
"""Ways to run commands in a machine of the testbed.

``base``  the Protocol, what a command leaves behind, and what both ways share
``pump``  moves the bytes of a command's streams
``ssh``   into dom0 and every guest
``adb``   into an Android guest
``keys``  the key pair of one testbed
"""

from harness.transport.base import Completed, Transport

__all__ = ["Completed", "Transport"]
