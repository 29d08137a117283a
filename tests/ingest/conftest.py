"""Ingesting needs deeplake."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest

from support.require import require


@pytest.fixture(autouse=True)
def deeplake() -> Iterator[None]:
    require("deeplake")
    with warnings.catch_warnings():
        # Its advice, that gray images gain an axis for one.
        warnings.filterwarnings("ignore", category=UserWarning, module="deeplake")
        yield
