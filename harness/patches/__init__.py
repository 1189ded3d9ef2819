# SPDX-License-Identifier: GPL-2.0-or-later
"""Our part of Xen as patches: whether it is in order, and as a series for the mailing list.

series   reads xen-patches/: patches with their subjects, new files and imports by mail
check    everything that a reviewer should not have to say
export   one git format-patch series out of patches, new files and imports
"""
