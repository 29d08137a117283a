"""What each run leaves out because it takes long: `make nightly` sets PENSTOCK_NIGHTLY=1, and does it all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

import pytest

__all__ = ["nightly", "thinned"]

_Item = TypeVar("_Item")
_ALL = os.environ.get("PENSTOCK_NIGHTLY") == "1"

#: Marks a test that takes minutes.
nightly = pytest.mark.skipif(not _ALL, reason="make nightly runs it")


def thinned(items: Sequence[_Item], step: int, first: int = 0) -> Sequence[_Item]:
    """Every ``step``-th item, the same ones each time; all of them where PENSTOCK_NIGHTLY=1 says so.

    Args:
        items: What a sweep goes through.
        step: Of so many items one is taken.
        first: Which one: a sweep within a sweep takes another one each time.
    """
    return items if _ALL else items[first % step :: step]
