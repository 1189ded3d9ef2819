# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether two sets of times differ by more than chance, and by how much.

A permutation test assumes nothing about how times are distributed: had the label made no
difference, every way of handing out the labels would have been as likely. Paired samples (a
repetition in which both were measured, one after the other) swap within their pair only.

Effect size: Cliff's delta, the share of pairs in which the second is larger less that in which it
is smaller; thresholds of Romano et al. 2006 (0.147 small, 0.33 medium, 0.474 large).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ROUNDS = 10_000
SEED = 20_061_106
LEVELS = ((0.474, "large"), (0.33, "medium"), (0.147, "small"))


@dataclass(frozen=True, slots=True)
class Difference:
    """The second set over the first.

    ratio:  of the medians, less 1; None when the first median is 0
    p:      two-sided, of the difference of means
    delta:  Cliff's, -1 to 1
    paired: whether labels were swapped within pairs
    """

    ratio: float | None
    p: float
    delta: float
    paired: bool

    @property
    def size(self) -> str:
        """The effect in a word."""
        return next((word for least, word in LEVELS if abs(self.delta) >= least), "negligible")


def difference(first: Sequence[float], second: Sequence[float], *, paired: bool) -> Difference:
    """Test two sets of samples; paired ones are of one length and in the same order."""
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    random = np.random.default_rng(SEED)
    if paired:
        gaps = b - a
        signs = random.choice((-1.0, 1.0), size=(ROUNDS, gaps.size))
        by_chance = np.abs((signs * gaps).mean(axis=1))
        seen = abs(float(gaps.mean()))
    else:
        both = np.concatenate((a, b))
        shuffled = random.permuted(np.tile(both, (ROUNDS, 1)), axis=1)
        by_chance = np.abs(shuffled[:, a.size :].mean(axis=1) - shuffled[:, : a.size].mean(axis=1))
        seen = abs(float(b.mean() - a.mean()))
    # The labels as they were are one of the ways; a hair for sums in another order.
    p = (1 + int(np.count_nonzero(by_chance >= seen * (1 - 1e-12)))) / (ROUNDS + 1)
    delta = float(np.sign(b[:, None] - a[None, :]).mean())
    middle = float(np.median(a))
    ratio = float(np.median(b)) / middle - 1 if middle else None
    return Difference(ratio, p, delta, paired)
