# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds what a testbed is made of: Xen, kernel, driver, tools and images.

``harness.build.artifacts`` is what the rest of the harness uses.
"""
