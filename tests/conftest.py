# SPDX-License-Identifier: GPL-2.0-or-later
"""The fixtures of harness.testing come with the harness; pytester is for the tests of these."""

pytest_plugins = ["pytester"]
