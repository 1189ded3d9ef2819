# SPDX-License-Identifier: GPL-2.0-or-later
"""The fixtures of harness.testing come with the harness; pytester is for the tests of these."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def cluster() -> Iterator[str]:
    """Address of a Dask scheduler with two workers, each a process here."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as two:
        yield two.scheduler_address
