# SPDX-License-Identifier: GPL-2.0-or-later
"""A whole testbed: Xen, dom0 and guests in one QEMU, owned by a supervisor process.

    boot(profile="default")   starts a supervisor, which walks off -> xen -> dom0 -> guests -> ready
    attach()                  the running testbed, from this or any other process
    halt()                    ends it

``states``      the states and the first failure
``record``      the state file, through which supervisor and commands speak
``assets``      what dom0 is given: guest kernels and xl configs
``bringup``     the transitions
``supervisor``  the process that owns QEMU and the consoles
``creating``    from an xl config to a domain that runs
``alone``       a guest's kernel and image without Xen
``launch``      boot, reboot, halt
``live``        attach
``status``      what ``harness status`` says
"""

from harness.testbed.launch import boot, halt, reboot
from harness.testbed.live import Guest, Testbed, attach
from harness.testbed.states import State

__all__ = ["boot", "reboot", "halt", "attach", "Testbed", "Guest", "State"]  # noqa: RUF022  most important first
