"""Samplers of the user's own, whose numbers are items, for a loader whose numbers are samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import BatchSampler, Sampler

__all__ = ["ItemBatches", "ItemSampler"]


class ItemSampler(Sampler[int]):
    """The samples of the items that a sampler gives.

    Args:
        sampler: Gives items.
        indices: The sample of each item, int64 [items].
    """

    def __init__(self, sampler: Any, indices: npt.NDArray[np.int64]) -> None:
        self.inner = sampler
        self._indices = indices

    def __iter__(self) -> Iterator[int]:
        return (int(self._indices[item]) for item in self.inner)

    def __len__(self) -> int:
        return len(self.inner)

    def set_epoch(self, epoch: int) -> None:
        """Tells the sampler, where it asks for that."""
        _tell(self.inner, epoch)


class ItemBatches(BatchSampler):
    """The samples of the batches that a batch sampler gives.

    Args:
        batches: Gives lists of items.
        indices: The sample of each item, int64 [items].
    """

    def __init__(self, batches: Any, indices: npt.NDArray[np.int64]) -> None:
        self.inner = batches
        self.sampler = getattr(batches, "sampler", None)
        self.batch_size = getattr(batches, "batch_size", 1)
        self._indices = indices

    def __iter__(self) -> Iterator[list[int]]:
        return (self._indices[batch].tolist() for batch in self.inner)

    def __len__(self) -> int:
        return len(self.inner)

    def set_epoch(self, epoch: int) -> None:
        """Tells the batch sampler and its sampler, where they ask for that."""
        _tell(self.inner, epoch)
        _tell(self.sampler, epoch)


def _tell(sampler: Any, epoch: int) -> None:
    set_epoch = getattr(sampler, "set_epoch", None)
    if set_epoch is not None:
        set_epoch(epoch)
