"""Progress bars."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

__all__ = ["progress"]

_Item = TypeVar("_Item")


def progress(items: Iterable[_Item], total: int, unit: str) -> Iterator[_Item]:
    """The items, with a progress bar on standard error where that is a terminal and tqdm is installed."""
    if not sys.stderr.isatty():
        return iter(items)
    try:
        from tqdm import tqdm
    except ImportError:
        return iter(items)
    return iter(tqdm(items, total=total, unit=unit))
