# SPDX-License-Identifier: GPL-2.0-or-later
"""The fixtures of harness.testing, for every test here."""

pytest_plugins = ["harness.testing"]
