# SPDX-License-Identifier: GPL-2.0-or-later
"""This machine: is it fit to build and boot, and what of it can be put right.

    doctor    the checks, in order; each says what it found and what to do
    packages  Debian packages that are needed, found missing, installed
    venv      the virtual environment

``make`` runs this with Debian's own python3 before there is a virtual environment, so nothing in
here imports anything but the standard library.
"""
