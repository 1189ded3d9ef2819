# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds the Android guest ``debian-art`` (images/android/README.md says what it is).

``build_android`` is what the rest of the build uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from harness.build.android import recipe, sources
from harness.build.android.image import IMAGE
from harness.build.android.steps import Steps
from harness.build.images import Addition
from harness.build.step import Built
from harness.paths import repo_root

__all__ = ["IMAGE", "build_android"]


class Graph(Protocol):
    """What is needed of ``harness.build.artifacts.Graph``."""

    offline: bool

    @property
    def guest_additions(self) -> Sequence[Addition]:
        """Driver, memload and corpus."""


def build_android(graph: Graph) -> Built:
    """The guest's disk: ``IMAGE`` in the folder of what is returned.

    Raises SetupError naming the file or the tool that is not to be had, TransientError.
    """
    wanted = recipe.load(repo_root() / "images/android")
    fetched = sources.fetch(wanted, offline=graph.offline)
    return Steps(wanted, fetched, graph.guest_additions).image
