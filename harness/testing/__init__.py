# SPDX-License-Identifier: GPL-2.0-or-later
"""A pytest plugin for tests on real testbeds: this project's own, and yours.

It is there wherever the harness is installed (entry point ``xen_memcompress``). README.md
beside this file has the fixtures and options, and what the report of a failed test tells.
"""

from harness.testing.pool import TestbedPool, keep_logs, remove

__all__ = ["TestbedPool", "keep_logs", "remove"]
