# SPDX-License-Identifier: GPL-2.0-or-later
"""A pytest plugin for tests on real testbeds: this project's own, and yours.

It is there wherever the harness is installed (entry point ``xen_memcompress``); a test asks for the
state that it wants:

    def test_the_guest_knows_its_name(linux):
        assert linux.transport.succeed("hostname") == "linux"

``testbed``     a testbed of the session's profile with all guests ready, shared by the session
``booted``      the same without guests: Xen and dom0
``linux``       the Linux guest of ``testbed``
``android``     the Android guest of ``testbed``
``compressed``  the Linux guest, all that is idle in it compressed; restored after the test
``each_guest``  every guest of the profile in turn; the id is the name of its image
``testbeds``    testbeds by profile and overrides, for tests that want others

and, to be run once for each value, for dimensions; ``testbed`` and those after it then are so:

    @pytest.mark.dimensions(ram_mib=[48, 64], cpu_model=["cortex-a57", "max"])
    def test_it_boots(linux, ram_mib, cpu_model): ...

``technique``   "mem-compress", or "none": the controller is off for every guest
``cpu_model``   the board's CPU
``ram_mib``     memory of the Linux guest

    pytest --profile hw-af --set board.memory_mib=2048 --ram-mib 48 --ram-mib 64
    pytest --xen IMAGE          another Xen than the one that was built

A testbed that does not boot is a failure of every test that asked for it, never a skip; it is tried
once, and all of them show the same first failure. The report of a failed test has the ends of the
consoles, the controller's numbers and what QEMU said; whole logs are under runs/tests/<time>/.
"""

from harness.testing.pool import TestbedPool, keep_logs, remove

__all__ = ["TestbedPool", "keep_logs", "remove"]
