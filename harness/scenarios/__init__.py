# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenarios: what is done to running guests, and how it is checked.

``schema`` reads a scenario file, ``runner`` boots each of its profiles and carries out the steps
(``steps``, ``roundtrip``, ``victims``, ``latency``), ``load`` is memload in a guest, ``content``
knows every byte it must hold. ``bed`` says what is needed of a testbed. ``cli`` is the way in.
"""
