# SPDX-License-Identifier: GPL-2.0-or-later
"""What all models of a scenario file have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A table of the file: no key that is not known, and nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True)
