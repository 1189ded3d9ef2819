# SPDX-License-Identifier: GPL-2.0-or-later
"""What compression would gain, from memory as it is: nothing is compressed to find out.

``pages``  classifies pages and compresses each as the controller would
``board``  finds the pages of a guest in a dump of the whole board
``guest``  takes that dump of a running testbed
"""
