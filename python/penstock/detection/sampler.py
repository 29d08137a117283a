"""The order of an epoch: batches of images of like aspect ratio, or the dataset's order; for one rank of several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

from penstock.loading.streams import grouped_order_generator

__all__ = ["GroupedSampler", "OrderedSampler"]


def _alone() -> tuple[int, int]:
    return 0, 1


class GroupedSampler(Sampler[int]):
    """Shuffles samples so that each batch is of one group, as MMDetection's ``GroupSampler`` does, or with several
    ranks its ``DistributedGroupSampler``.

    Every sample comes once an epoch; a group that does not divide by the samples of a step (a batch of each rank) is
    filled up with samples of its own. The order is a function of seed and epoch. The batches of a step are the parts
    of the one batch that a single process with as many samples would get: all ranks then have images of one group,
    which take equally long.

    Args:
        indices: The samples' indices in the dataset, int64 [samples].
        groups: The group of each, [samples].
        batch_size: Samples in a batch of one rank.
        seed: Called for the seed of the order when one is needed; the same for all ranks.
        world: Called for (rank, world size), so that a sampler may be made before ``torch.distributed`` is.

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
        world: Callable[[], tuple[int, int]] = _alone,
    ) -> None:
        self.epoch = 0
        self._members = [indices[groups == group] for group in np.unique(groups)]
        self._batch_size = batch_size
        self._seed = seed
        self._world = world

    def set_epoch(self, epoch: int) -> None:
        """Selects the epoch whose order the next iteration gives."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        generator = grouped_order_generator(self._seed(), self.epoch)
        rank, world_size = self._world()
        step = self._batch_size * world_size
        filled = []
        for members in self._members:
            order = generator.permutation(members)
            filled.append(np.resize(order, _filled(len(members), step)))
        steps = generator.permutation(np.concatenate(filled).reshape(-1, step))
        own = steps[:, rank * self._batch_size : (rank + 1) * self._batch_size]
        return iter(own.reshape(-1).tolist())

    def __len__(self) -> int:
        _, world_size = self._world()
        step = self._batch_size * world_size
        return sum(_filled(len(members), step) for members in self._members) // world_size


class OrderedSampler(Sampler[int]):
    """The dataset's order. Rank r of w gets positions r, r + w, ...; the tail is filled up from the start, so that all
    ranks have equally many. The ranks' results, taken in turns and cut at the dataset's length, are in its order.

    Args:
        indices: The samples' indices in the dataset, int64 [samples].
        world: Called for (rank, world size).
    """

    def __init__(self, indices: npt.NDArray[np.int64], *, world: Callable[[], tuple[int, int]] = _alone) -> None:
        self._indices = indices
        self._world = world

    def __iter__(self) -> Iterator[int]:
        rank, world_size = self._world()
        filled = np.resize(self._indices, _filled(len(self._indices), world_size))
        return iter(filled[rank::world_size].tolist())

    def __len__(self) -> int:
        _, world_size = self._world()
        return -(-len(self._indices) // world_size)


def _filled(count: int, step: int) -> int:
    return -(-count // step) * step
