# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be done against want of memory: each technique one class, on the same guest image.

A technique is set up in a running guest and torn down again, so that several take turns in one
boot, with the same workload in the same frames. A scenario uses them like this::

    chosen = [technique(name) for name in step.techniques]     # UsageError for an unknown name
    with bed.beside(settings_of(chosen, guest.name)) as guests:   # or the scenario's settings
        guest = guests["linux"]
        with bare(guest):                                      # no driver, controller at rest
            guest.set_slice(38)                                # MiB of the host's frames
            for repetition in range(step.repetitions):
                for order, one in enumerate(turns(chosen, repetition)):
                    with one.on(guest) as active, \\
                            running(workload("memload"), guest, setup, prefix=one.prefix) as work:
                        took = work.work()
                        work.verify()
                        record(ctx.folder, guest, active, repetition=repetition, order=order)

``active.counters()`` is what the technique's own counters have counted since it was set up; it is
asked for while the workload still runs. ``record`` writes ``technique_count``, by which the report
knows a technique that did nothing, and leaves it out of comparisons.

To add one: a class with ``set_up``, ``tear_down``, ``counters``, and its line in ``TECHNIQUES``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness.errors import UsageError
from harness.report.run import Scalar
from harness.scenarios.techniques.base import (
    Active,
    Technique,
    bare,
    boost_watermarks,
    record,
)
from harness.scenarios.techniques.compress import ABLATIONS, MemCompress
from harness.scenarios.techniques.kill import Kill, Nothing
from harness.scenarios.techniques.ksm import Ksm
from harness.scenarios.techniques.swap import FlashSwap, Zswap
from harness.scenarios.techniques.zram import Zram

__all__ = [
    "TECHNIQUES",
    "Active",
    "Technique",
    "bare",
    "boost_watermarks",
    "record",
    "settings_of",
    "technique",
    "turns",
]

TECHNIQUES: Mapping[str, Technique] = {
    one.name: one
    for one in (
        Nothing(),
        Kill(),
        Zram(),
        Zswap(),
        FlashSwap(),
        Ksm(),
        MemCompress(),
        *ABLATIONS,
    )
}


def technique(name: str) -> Technique:
    """The technique of that name. Raises UsageError for any other."""
    if name not in TECHNIQUES:
        raise UsageError(f"no technique {name!r}", hint=f"one of {', '.join(TECHNIQUES)}")
    return TECHNIQUES[name]


def turns(chosen: Sequence[Technique], repetition: int) -> Sequence[Technique]:
    """Their order in a repetition: whoever came first comes last in the next."""
    return chosen if repetition % 2 == 0 else chosen[::-1]


def settings_of(chosen: Iterable[Technique], guest: str) -> dict[str, Scalar]:
    """Keys of the profile that these techniques need for a guest, all together."""
    settings: dict[str, Scalar] = {}
    for one in chosen:
        settings |= one.settings(guest)
    return settings
