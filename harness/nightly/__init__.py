# SPDX-License-Identifier: GPL-2.0-or-later
"""The long runs: jobs that survive one another, and a summary of them.

``jobs``     the table of jobs by tier
``runner``   runs them one after the other, whatever becomes of each
``summary``  JUnit and HTML
"""
