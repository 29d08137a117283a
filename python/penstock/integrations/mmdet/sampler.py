"""Batches of images of like aspect ratio."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

__all__ = ["GroupedSampler"]


class GroupedSampler(Sampler[int]):
    """Shuffles samples so that each batch is of one group, as MMDetection's ``GroupSampler`` does.

    Every sample comes once an epoch; a group that does not divide by the batch size is filled up with
    samples of its own. The order is a function of seed and epoch.

    Args:
        indices: The samples' indices in the dataset, int64 [samples].
        groups: The group of each, [samples].
        batch_size: Samples in a batch.
        seed: Called for the seed of the order when one is needed.

    Attributes:
        epoch: The epoch whose order the next iteration gives.
    """

    def __init__(
        self,
        indices: npt.NDArray[np.int64],
        groups: npt.NDArray[Any],
        *,
        batch_size: int,
        seed: Callable[[], int],
    ) -> None:
        self.epoch = 0
        self._members = [indices[groups == group] for group in np.unique(groups)]
        self._batch_size = batch_size
        self._seed = seed

    def set_epoch(self, epoch: int) -> None:
        """Selects the epoch whose order the next iteration gives."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        # The counter's last word is kept from the streams of samples, which have 0 there, and of plain
        # orders (1).
        generator = np.random.Generator(np.random.Philox(key=[self._seed(), self.epoch], counter=[0, 0, 0, 2]))
        filled = []
        for members in self._members:
            order = generator.permutation(members)
            filled.append(np.resize(order, self._filled(len(members))))
        batches = np.concatenate(filled).reshape(-1, self._batch_size)
        return iter(generator.permutation(batches).reshape(-1).tolist())

    def __len__(self) -> int:
        return sum(self._filled(len(members)) for members in self._members)

    def _filled(self, count: int) -> int:
        return -(-count // self._batch_size) * self._batch_size
