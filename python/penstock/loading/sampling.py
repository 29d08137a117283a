"""The order of an epoch, and the seeds of a sample: pure functions of (seed, epoch, index), for both loaders.

Nothing here depends on threads or workers.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils.data import Sampler

from penstock.loading.streams import order_generator, sample_generator

__all__ = ["EpochSampler", "alone", "base_seed", "epoch_order", "seeded_globals", "world"]

_SEED_BOUND = 2**63


def epoch_order(length: int, seed: int, epoch: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A permutation of ``range(length)``, int64."""
    return order_generator(seed, epoch).permutation(length)


@contextmanager
def seeded_globals(seed: int, epoch: int, index: int) -> Iterator[None]:
    """Seeds ``random``, ``numpy.random`` and torch's CPU generator for one sample; puts them back afterwards."""
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    value = int(sample_generator(seed, epoch, index).integers(2**32))
    random.seed(value)
    np.random.seed(value)
    torch.default_generator.manual_seed(value)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])


def alone() -> tuple[int, int]:
    """Rank and world size where there is one rank."""
    return 0, 1


def world(rank: int | None, world_size: int | None) -> tuple[int, int]:
    """Rank and world size: as given, or those of ``torch.distributed`` where it runs, or (0, 1)."""
    if (rank is None) != (world_size is None):
        raise ValueError("rank and world_size belong together: give both or neither")
    if rank is None or world_size is None:
        distributed = torch.distributed
        if distributed.is_available() and distributed.is_initialized():
            return distributed.get_rank(), distributed.get_world_size()
        return 0, 1
    if world_size < 1 or not 0 <= rank < world_size:
        raise ValueError(f"rank must be in 0..world_size-1, got rank={rank}, world_size={world_size}")
    return rank, world_size


def base_seed(seed: int | None, generator: torch.Generator | None, world_size: int) -> int:
    """The loader's seed: the given one, or one drawn from ``generator`` or torch's default generator.

    Ranks must shuffle alike. Where none is given they take rank 0's draw through ``torch.distributed``, or 0 when it
    does not run, which is what torch's ``DistributedSampler`` does.
    """
    if seed is not None:
        if generator is not None:
            raise ValueError("seed and generator exclude each other")
        if not 0 <= seed < _SEED_BOUND:
            raise ValueError(f"seed must be in 0..2**63-1, got {seed}")
        return seed
    if world_size > 1 and generator is None:
        distributed = torch.distributed
        if not (distributed.is_available() and distributed.is_initialized()):
            return 0
        shared = [_draw(None)]
        distributed.broadcast_object_list(shared, src=0)
        return shared[0]
    return _draw(generator)


def _draw(generator: torch.Generator | None) -> int:
    return int(torch.empty((), dtype=torch.int64).random_(generator=generator).item())


class EpochSampler(Sampler[int]):
    """Indices of one rank for one epoch.

    Args:
        length: Number of samples of the dataset.
        shuffle: A new permutation for each epoch, the same on every rank; else ascending.
        seed: Called when an order is needed.
        world: Called for (rank, world size), so that a sampler may be made before ``torch.distributed`` is. This rank
            takes positions ``rank, rank + world_size, ...`` of the common order.
        drop_last: With several ranks, drop the tail that does not divide by the world size; else the order is
            filled up from its start, so that all ranks have equally many.
    """

    def __init__(
        self,
        length: int,
        *,
        shuffle: bool,
        seed: Callable[[], int],
        world: Callable[[], tuple[int, int]] = alone,
        drop_last: bool = False,
    ) -> None:
        self.epoch = 0
        self._length = length
        self._shuffle = shuffle
        self._seed = seed
        self._world = world
        self._drop_last = drop_last

    @property
    def mode(self) -> tuple[str, int | None]:
        """How it shuffles ("none", "full", "chunk"), and in a window of how many chunks, where it has one."""
        return "full" if self._shuffle else "none", None

    def set_epoch(self, epoch: int) -> None:
        """Selects the epoch whose order the next iteration gives."""
        if epoch < 0:
            raise ValueError(f"epoch must not be negative, got {epoch}")
        self.epoch = epoch

    def order(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """This rank's indices, int64, for the current epoch."""
        rank, world_size = self._world()
        if self._shuffle and world_size == 1:
            return epoch_order(self._length, self._seed(), self.epoch)
        # Where ranks need more than there are, the order begins again, as often as it takes.
        places = np.arange(rank, len(self) * world_size, world_size, dtype=np.int64)
        if len(self) * world_size > self._length:
            places %= self._length
        return epoch_order(self._length, self._seed(), self.epoch)[places] if self._shuffle else places

    def __iter__(self) -> Iterator[int]:
        return iter(self.order().tolist())

    def __len__(self) -> int:
        _, world_size = self._world()
        if self._drop_last:
            return self._length // world_size
        return -(-self._length // world_size)
