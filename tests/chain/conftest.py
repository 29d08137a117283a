"""Chains of either loader type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import penstock
from penstock.chain import Chain

Begin = Callable[..., Chain]


@pytest.fixture(params=["c++", "python"])
def begin(request: pytest.FixtureRequest, deeplake: Any, native: Any) -> Begin:
    """``penstock.dataloader`` for one loader type."""

    def start(dataset: Any, *args: Any, **kwargs: Any) -> Chain:
        return penstock.dataloader(dataset, *args, **{"loader_type": request.param, "seed": 3} | kwargs)

    return start
