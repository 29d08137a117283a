"""The orders that MMEngine's samplers give, as functions of seed and epoch: a loader knows them ahead, and can go on in
the middle of one.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from penstock.detection.epoch_places import EpochOrder
from penstock.loading.sampling import SharedSampler, alone
from penstock.loading.shares import shared_order
from penstock.loading.stages import Stages

__all__ = ["DefaultOrder", "EndlessOrder"]

_Indices = npt.NDArray[np.int64]


class _StockOrder(SharedSampler):
    """What both orders have in common.

    Args:
        indices: The sample of each item, int64 [items].
        seed: Called for the seed of the order when one is needed; the same for all ranks.
        batch_size: Samples in a batch of one rank.
        shuffle: Whether items are shuffled.
        groups: The group of each item, where batches are of one group each, as ``AspectRatioBatchSampler`` makes them;
            None: batches as the items come.
        world: Called for (rank, world size).
    """

    def __init__(
        self,
        indices: _Indices,
        *,
        seed: Callable[[], int],
        batch_size: int,
        shuffle: bool = True,
        groups: npt.NDArray[np.uint8] | None = None,
        world: Callable[[], tuple[int, int]] = alone,
    ) -> None:
        super().__init__(len(indices), world=world)
        self._seed = seed
        self._indices = indices
        self._batch_size = batch_size
        self._shuffle = shuffle
        self._groups = groups

    @property
    def mode(self) -> tuple[str, int | None]:
        """As :attr:`SharedSampler.mode`."""
        return "full" if self._shuffle else "none", None

    @property
    def seed(self) -> int:  # type: ignore[override]
        """What the order follows from."""
        return self._seed()

    @property
    def epoch_order(self) -> EpochOrder:
        """Gives the order of all items in an epoch, whatever their groups."""
        return self._shuffled_items if self._shuffle else _items_in_order

    @property
    def detail(self) -> str:
        """What a loader's state says of the order, beside :attr:`mode`."""
        if self._groups is None:
            return ""
        return f", groups {zlib.crc32(self._groups.tobytes()):08x}, batches of {self._batch_size}"

    def order(self, done: Stages = ()) -> _Indices:
        """This rank's indices, int64, for the current epoch: those that are still to come after ``done``."""
        return shared_order(self._of_rank, self._world(), done)

    def whole_order(self) -> _Indices:
        """As :meth:`SharedSampler.whole_order`."""
        return self._of_rank(0, 1)

    def alike(self, index: int) -> _Indices | None:
        """As :meth:`SharedSampler.alike`: those of its group."""
        if self._groups is None:
            return None
        own = self._groups[np.flatnonzero(self._indices == index)]
        return self._indices[np.isin(self._groups, own)]

    def _of_rank(self, rank: int, world_size: int) -> _Indices:
        raise NotImplementedError

    @staticmethod
    def _shuffled_items(length: int, seed: int, epoch: int) -> _Indices:
        raise NotImplementedError


class DefaultOrder(_StockOrder):
    """The order of MMEngine's ``DefaultSampler``.

    Args:
        round_up: All ranks have equally many samples: the order is filled up from its start.
        indices, options: As of :class:`_StockOrder`.
    """

    def __init__(self, indices: _Indices, *, round_up: bool = True, **options: object) -> None:
        super().__init__(indices, **options)  # type: ignore[arg-type]
        self._round_up = round_up

    def _of_rank(self, rank: int, world_size: int) -> _Indices:
        items = self.epoch_order(self._length, self.seed, self.epoch)
        if self._round_up:
            items = np.resize(items, -(-self._length // world_size) * world_size)
        own = items[rank::world_size]
        if self._groups is not None:
            own = np.concatenate([own[:0], *_grouped(own, self._groups, self._batch_size, [[], []], last=True)])
        samples: _Indices = self._indices[own]
        return samples

    @staticmethod
    def _shuffled_items(length: int, seed: int, epoch: int) -> _Indices:
        return _permutation(length, seed + epoch)

    def length_of(self, world_size: int) -> int:
        """As :meth:`SharedSampler.length_of`."""
        rank = 0 if self._round_up else self.rank
        return -(-(self._length - rank) // world_size)


class EndlessOrder(_StockOrder):
    """The order of MMEngine's ``InfiniteSampler``: one permutation after the other, and batches across their borders.

    It is cut into epochs of whole batches, so that a sample draws other random numbers each time that it comes: epoch e
    begins with the first batch that begins in permutation e, or, where a step of all ranks has more samples than the
    dataset, is one step. Where an order has groups, a batch counts as if there were none.

    Args:
        indices, options: As of :class:`_StockOrder`.
    """

    def __init__(self, indices: _Indices, **options: object) -> None:
        super().__init__(indices, **options)  # type: ignore[arg-type]
        self._cache: _Walk | None = None

    @staticmethod
    def _shuffled_items(length: int, seed: int, epoch: int) -> _Indices:
        """The permutation in which an epoch begins."""
        generator = torch.Generator()
        generator.manual_seed(seed)
        for _ in range(epoch):
            torch.randperm(length, generator=generator)
        items: _Indices = torch.randperm(length, generator=generator).numpy()
        return items

    @property
    def detail(self) -> str:
        """As there; how long epochs are depends on the batch size."""
        return super().detail or f", without end, batches of {self._batch_size}"

    def length_of(self, world_size: int) -> int:
        """As :meth:`SharedSampler.length_of`."""
        return (self._first(self.epoch + 1, world_size) - self._first(self.epoch, world_size)) * self._batch_size

    @property
    def whole_length(self) -> int:
        """As :attr:`SharedSampler.whole_length`."""
        return self.length_of(1)

    def _first(self, epoch: int, world_size: int) -> int:
        """The number of an epoch's first batch."""
        step = self._batch_size * world_size
        return -(-epoch * max(self._length, step) // step)

    def _of_rank(self, rank: int, world_size: int) -> _Indices:
        first, end = self._first(self.epoch, world_size), self._first(self.epoch + 1, world_size)
        walk = self._cache
        if walk is None or walk.of != (self.seed, rank, world_size) or walk.batches > first:
            walk = _Walk(self, self.seed, rank, world_size)
        walk.skip(first - walk.batches)
        batches = walk.copy().take(end - first)
        self._cache = walk
        samples: _Indices = self._indices[np.concatenate([np.zeros(0, np.int64), *batches])]
        return samples


class _Walk:
    """Goes along an endless order, batch by batch.

    Args:
        order: The order.
        seed: What it follows from.
        rank, world_size: Whose share.

    Attributes:
        of: (seed, rank, world_size).
        batches: How many batches are behind.
    """

    def __init__(self, order: EndlessOrder, seed: int, rank: int, world_size: int) -> None:
        self.of = (seed, rank, world_size)
        self.batches = 0
        self._order = order
        self._generator = torch.Generator()
        self._generator.manual_seed(seed)
        self._drawn = 0
        self._waiting: list[list[int]] = [[], []]
        self._ready: list[_Indices] = []

    def copy(self) -> _Walk:
        """Another one at the same place."""
        other = _Walk(self._order, *self.of)
        other.batches, other._drawn = self.batches, self._drawn
        other._generator.set_state(self._generator.get_state())
        other._waiting, other._ready = [list(items) for items in self._waiting], list(self._ready)
        return other

    def take(self, count: int) -> list[_Indices]:
        """The next so many batches, of items."""
        while len(self._ready) < count:
            self._draw()
        taken, self._ready = self._ready[:count], self._ready[count:]
        self.batches += len(taken)
        return taken

    def skip(self, count: int) -> None:
        """Leaves out so many batches."""
        while count > len(self._ready):
            count -= len(self._ready)
            self.batches += len(self._ready)
            self._ready = []
            self._draw()
        self.take(count)

    def _draw(self) -> None:
        """One permutation more."""
        order, length = self._order, self._order._length
        items = np.arange(length)
        if order._shuffle:
            items = torch.randperm(length, generator=self._generator).numpy()
        _, rank, world_size = self.of
        own = items[(rank - self._drawn) % world_size :: world_size]
        self._drawn += length
        groups = np.zeros(length, np.uint8) if order._groups is None else order._groups
        self._ready += _grouped(own, groups, order._batch_size, self._waiting)


def _items_in_order(length: int, seed: int, epoch: int) -> _Indices:
    return np.arange(length, dtype=np.int64)


def _permutation(length: int, seed: int) -> _Indices:
    generator = torch.Generator()
    generator.manual_seed(seed)
    items: _Indices = torch.randperm(length, generator=generator).numpy()
    return items


def _grouped(
    items: _Indices, groups: npt.NDArray[np.uint8], batch_size: int, waiting: list[list[int]], *, last: bool = False
) -> list[_Indices]:
    """Batches of one group each, in the order in which they are full, as ``AspectRatioBatchSampler`` makes them.

    Args:
        items: The items as they come.
        groups: The group of each item, 0 or 1.
        batch_size: Samples in a batch.
        waiting: Of each group the items that wait for their batch to be full; those that are left stay there.
        last: No items follow: those that are left are batches too, the first group's before the second's.
    """
    batches = []
    for item, group in zip(items.tolist(), groups[items].tolist(), strict=True):
        bucket = waiting[group]
        bucket.append(item)
        if len(bucket) == batch_size:
            batches.append(np.array(bucket, dtype=np.int64))
            bucket.clear()
    if last:
        batches.append(np.array([*waiting[0], *waiting[1]], dtype=np.int64))
    return batches
