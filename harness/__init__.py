# SPDX-License-Identifier: GPL-2.0-or-later
"""Build, boot and examine memory compression in Xen on ARM.

Layers, top down; nothing imports upwards:

    cli         the verbs of ``harness``
    scenarios   what is run on a testbed, described in TOML; report: what comes of it
    testbed     a machine with its guests, in named states
    machine, transport, hypervisor
                QEMU, ssh, xl and xen-memcompress
    build       what is booted, each step skipped when its inputs have not changed
    sources     where the inputs come from: mirror, lock file, cache; host: this machine
    config      profiles
    errors, deadline, progress, paths
"""
