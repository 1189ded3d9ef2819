# SPDX-License-Identifier: GPL-2.0-or-later
"""Our part of Xen as patches: whether it is in order, and as a series for the mailing list.

series      reads xen-patches/: patches with their subjects, new files and imports by mail
check       what can be said without compiling, of the files as they are
export      one git format-patch series out of patches, new files and imports
repository  a git repository of what the series touches: to export, and to apply
steps       the tree after each mail; whether the last is the one that is built
style       Xen's style in the lines that patches add
kinds       what is compiled: architecture, with and without the controller
compiled    whether steps compile; what did is remembered
unchanged   without the controller, Xen is what it was
whole       all of these, in order
fit         how each patch fits a tree that it was not made for
elsewhere   another Xen: apply, compile, report
"""
