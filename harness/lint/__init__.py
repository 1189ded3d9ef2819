# SPDX-License-Identifier: GPL-2.0-or-later
"""``python -m harness.lint``: every style check there is, each with its own verdict.

python   ruff, its formatting, mypy --strict
shell    shellcheck on every file that begins with a shell's #!
xen      harness.lint.xen_style on the hypervisor's files, and dom0's tool
linux    the kernel's own checkpatch.pl on guest drivers
licence  an SPDX tag in each file, the one of its folder
"""
