"""The order of an epoch: a pure function of seed and epoch, for both loaders.

Nothing here depends on threads or workers.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import SequentialSampler
from torch.utils.data.distributed import DistributedSampler

from penstock.loading.placed import Order
from penstock.loading.stages import Stages, taken
from penstock.loading.streams import permutation

__all__ = [
    "EpochSampler",
    "InOrderSampler",
    "SharedSampler",
    "alone",
    "base_seed",
    "dealt_places",
    "draw_seed",
    "epoch_order",
    "world",
]

_SEED_BOUND = 2**63


def epoch_order(length: int, seed: int, epoch: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A permutation of ``range(length)``, int64."""
    return permutation(length, seed, epoch)


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
        shared = [draw_seed(None)]
        distributed.broadcast_object_list(shared, src=0)
        return shared[0]
    return draw_seed(generator)


def draw_seed(generator: torch.Generator | None) -> int:
    """A number from a generator, or from torch's default one: the draw that torch's own loader makes for each epoch."""
    return int(torch.empty((), dtype=torch.int64).random_(generator=generator).item())


def dealt_places(
    length: int, done: Stages, rank: int, world_size: int, *, drop_last: bool = False
) -> npt.NDArray[np.int64]:
    """The places of a common order that a rank gets of what is left: every ``world_size``-th.

    Args:
        length: Of the order.
        done: What all ranks have taken, a beginning of the order.
        rank, world_size: Whose share.
        drop_last: Leave out the tail that does not divide by the world size; else ranks are given equally many: where
            they need more than there are, the order begins again, as often as it takes.
    """
    begin = taken(done)
    rest = max(length - begin, 0)
    each = rest // world_size if drop_last else -(-rest // world_size)
    places = np.arange(begin + rank, begin + each * world_size, world_size, dtype=np.int64)
    if begin + each * world_size > length:
        places %= max(length, 1)
    return places


class SharedSampler(DistributedSampler[int]):
    """Base of samplers that know the order of an epoch for each rank: pure functions of seed and epoch.

    They are ``DistributedSampler`` by class, so that frameworks which give each rank its share leave them as they are
    (Lightning, Ray). :attr:`num_replicas` and :attr:`rank` are asked for when an order is needed: a sampler may be made
    before ``torch.distributed`` is.

    Args:
        length: Number of samples that are ordered.
        world: Called for (rank, world size).

    Attributes:
        epoch: The epoch whose order the next iteration gives.
        shared_by_hand: The user has said which rank this is: nobody else shares the order out, unless these are the
            ranks of ``torch.distributed``.
    """

    shared_by_hand = False

    def __init__(self, length: int, *, world: Callable[[], tuple[int, int]] = alone) -> None:
        # Without DistributedSampler's own: it wants the ranks at once.
        self.epoch = 0
        self._length = length
        self._world = world

    @property
    def mode(self) -> tuple[str, int | None]:
        """How it shuffles ("none", "full", "chunk"), and in a window of how many chunks, where it has one."""
        raise NotImplementedError

    def order(self, done: Stages = ()) -> npt.NDArray[np.int64]:
        """This rank's indices, int64, for the current epoch: those that are still to come after ``done``."""
        raise NotImplementedError

    def whole_order(self) -> npt.NDArray[np.int64]:
        """The indices of all ranks, int64, for the current epoch."""
        raise NotImplementedError

    def left(self, done: Stages) -> int:
        """How many indices :meth:`order` has."""
        if done and (len(done) > 1 or done[0].world_size != self.num_replicas):
            return len(self.order(done))
        return len(self) - taken(done) // self.num_replicas

    def order_of_all(self, epoch: int) -> npt.NDArray[np.int64]:
        """What :meth:`whole_order` is in an epoch."""
        other = copy.copy(self)  # another thread may begin an epoch meanwhile
        other.epoch = epoch
        return other.whole_order()

    def alike(self, index: int) -> npt.NDArray[np.int64] | None:
        """The indices that may stand in the batch of this one; None: all."""
        return None

    @property
    def whole_length(self) -> int:
        """How many indices :meth:`whole_order` has."""
        return self._length

    @property
    def num_replicas(self) -> int:  # type: ignore[override]
        """The world size."""
        return self._world()[1]

    @property
    def rank(self) -> int:  # type: ignore[override]
        """This rank."""
        return self._world()[0]

    @property
    def shuffle(self) -> bool:  # type: ignore[override]
        """Whether the order is a random one."""
        return self.mode[0] != "none"

    @property
    def num_samples(self) -> int:  # type: ignore[override]
        """Indices of this rank in an epoch."""
        return len(self)

    @property
    def total_size(self) -> int:  # type: ignore[override]
        """Indices of all ranks in an epoch."""
        return len(self) * self.num_replicas

    def set_epoch(self, epoch: int) -> None:
        """Selects the epoch whose order the next iteration gives."""
        if epoch < 0:
            raise ValueError(f"epoch must not be negative, got {epoch}")
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        return iter(Order(self.epoch, self.order()))

    def length_of(self, world_size: int) -> int:
        """Indices of each of so many ranks in an epoch."""
        raise NotImplementedError

    def __len__(self) -> int:
        return self.length_of(self.num_replicas)


class EpochSampler(SharedSampler):
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
        super().__init__(length, world=world)
        self._shuffle = shuffle
        self._seed = seed
        self.drop_last = drop_last

    @property
    def mode(self) -> tuple[str, int | None]:
        """As :attr:`SharedSampler.mode`."""
        return "full" if self._shuffle else "none", None

    @property
    def seed(self) -> int:  # type: ignore[override]
        """What the order follows from."""
        return self._seed()

    def order(self, done: Stages = ()) -> npt.NDArray[np.int64]:
        """This rank's indices, int64, for the current epoch: those that are still to come after ``done``.

        Whatever shares the ranks had before, together they have taken a beginning of the common order. This rank takes
        every ``world_size``-th of the rest.
        """
        rank, world_size = self._world()
        if self._shuffle and world_size == 1:
            return epoch_order(self._length, self._seed(), self.epoch)[taken(done) :]
        places = dealt_places(self._length, done, rank, world_size, drop_last=self.drop_last)
        return epoch_order(self._length, self._seed(), self.epoch)[places] if self._shuffle else places

    def left(self, done: Stages) -> int:
        """As :meth:`SharedSampler.left`."""
        rest, world_size = max(self._length - taken(done), 0), self.num_replicas
        return rest // world_size if self.drop_last else -(-rest // world_size)

    def whole_order(self) -> npt.NDArray[np.int64]:
        """As :meth:`SharedSampler.whole_order`: each sample once."""
        if self._shuffle:
            return epoch_order(self._length, self._seed(), self.epoch)
        return np.arange(self._length, dtype=np.int64)

    def length_of(self, world_size: int) -> int:
        """As :meth:`SharedSampler.length_of`."""
        if self.drop_last:
            return self._length // world_size
        return -(-self._length // world_size)


class InOrderSampler(EpochSampler, SequentialSampler):
    """The dataset's order: a ``SequentialSampler`` by class, by which frameworks tell what is not shuffled.

    Args:
        length, seed, world, drop_last: As for :class:`EpochSampler`.
    """

    def __init__(
        self,
        length: int,
        *,
        seed: Callable[[], int],
        world: Callable[[], tuple[int, int]] = alone,
        drop_last: bool = False,
    ) -> None:
        super().__init__(length, shuffle=False, seed=seed, world=world, drop_last=drop_last)
        self.data_source = range(length)
