# SPDX-License-Identifier: GPL-2.0-or-later
"""The emulated machine: one QEMU process, its QMP connection and its consoles.

``qemu``      the process and its command line
``qmp``       a synchronous facade of qemu.qmp
``console``   captures a console and waits for what it says
``patterns``  what no console may ever say

Imported by their full names, so that who needs one does not pay for all.
"""
