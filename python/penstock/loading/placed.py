"""Indices that know their place in an epoch, for those who draw them from a loader's samplers and load by themselves.

Frameworks build torch's loader anew, of ``loader.dataset`` and ``loader.batch_sampler``. Their batches get the epoch's
random numbers, and are read ahead, because the indices say where they are from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Order", "PlacedIndex"]


class Order:
    """The order of an epoch that indices were drawn from.

    Args:
        epoch: The epoch.
        indices: int64 [samples].
    """

    def __init__(self, epoch: int, indices: npt.NDArray[np.int64]) -> None:
        self.epoch = epoch
        self.indices = indices

    def __iter__(self) -> Iterator[PlacedIndex]:
        for position, index in enumerate(self.indices.tolist()):
            yield PlacedIndex(index, self.epoch, position, self)


class PlacedIndex(int):
    """The index of a sample: an ``int`` that knows its epoch.

    Attributes:
        epoch: The epoch.
        position: Its place in ``order``.
        order: The order that it was drawn from; None in another process.
    """

    epoch: int
    position: int
    order: Order | None

    def __new__(cls, index: int, epoch: int, position: int, order: Order | None = None) -> PlacedIndex:
        """Makes one."""
        placed = super().__new__(cls, index)
        placed.epoch, placed.position, placed.order = epoch, position, order
        return placed

    def __reduce__(self) -> tuple[Any, ...]:
        return PlacedIndex, (int(self), self.epoch, self.position)
