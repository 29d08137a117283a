"""Chunks as tests make them up, and how many an order keeps open."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

__all__ = ["chunk_numbers", "most_open"]


@st.composite
def chunk_numbers(draw: st.DrawFn) -> npt.NDArray[np.int64]:
    """The chunk of each sample, int64 [samples]: of a dataset, where they rise, with chunks of one sample and of many
    and some without; or of a view, with samples left out, repeated and in any order.
    """
    sizes = draw(st.lists(st.integers(0, 12), min_size=1, max_size=40).filter(any))
    stored = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
    if draw(st.booleans()):
        return stored
    rows = draw(st.lists(st.integers(0, len(stored) - 1), min_size=1, max_size=2 * len(stored)))
    return stored[np.array(rows)]


def most_open(visits: npt.NDArray[np.int64]) -> int:
    """How many chunks are open at once at most, each from its first visit to its last.

    Args:
        visits: The chunk of each sample, in the order in which they come.
    """
    count = len(visits)
    _, numbers = np.unique(visits, return_inverse=True)
    first = np.full(numbers.max(initial=-1) + 1, count)
    np.minimum.at(first, numbers, np.arange(count))
    last = np.zeros_like(first)
    np.maximum.at(last, numbers, np.arange(count))
    changes = np.zeros(count + 1, dtype=np.int64)
    np.add.at(changes, first, 1)
    np.add.at(changes, last + 1, -1)
    return int(np.cumsum(changes).max(initial=0))
