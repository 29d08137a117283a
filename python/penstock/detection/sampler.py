"""The order of an epoch: batches of images of like aspect ratio, or the dataset's order; for one rank of several."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import SequentialSampler

from penstock.dataset import Dataset
from penstock.detection.epoch_places import EpochOrder
from penstock.loading.chunk_order import Chunks, grouped_chunk_order
from penstock.loading.chunk_sampler import stored_chunks
from penstock.loading.options import Shuffle
from penstock.loading.sampling import SharedSampler, alone, dealt_places
from penstock.loading.shares import shared_order
from penstock.loading.stages import Stages
from penstock.loading.streams import grouped_order_generator

__all__ = ["GroupedChunkSampler", "GroupedSampler", "OrderedSampler", "RepeatedSampler", "grouped_sampler"]


class GroupedSampler(SharedSampler):
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
        world: Callable[[], tuple[int, int]] = alone,
    ) -> None:
        super().__init__(len(indices), world=world)
        self._indices = indices
        #: The items of each group, by their place in ``indices``.
        self._groups = [np.flatnonzero(groups == group) for group in np.unique(groups)]
        self._batch_size = batch_size
        self._seed = seed

    @property
    def mode(self) -> tuple[str, int | None]:
        """As :attr:`SharedSampler.mode`."""
        return "full", None

    @property
    def seed(self) -> int:  # type: ignore[override]
        """What the order follows from."""
        return self._seed()

    def order(self, done: Stages = ()) -> npt.NDArray[np.int64]:
        """This rank's indices, int64, for the current epoch: those that are still to come after ``done``.

        Where other numbers of ranks began the epoch, their batches that hold a sample which nobody has taken are
        shared out, whole. The batch size has to stay.
        """
        return shared_order(self._of_rank, self._world(), done, step=self._batch_size)

    def whole_order(self) -> npt.NDArray[np.int64]:
        """As :meth:`SharedSampler.whole_order`, in batches of one group."""
        return self._of_rank(0, 1)

    def alike(self, index: int) -> npt.NDArray[np.int64] | None:
        """As :meth:`SharedSampler.alike`: those of its group."""
        for members in self._groups:
            own: npt.NDArray[np.int64] = self._indices[members]
            if index in own:
                return own
        return None

    @property
    def whole_length(self) -> int:
        """As :attr:`SharedSampler.whole_length`: groups are filled up to whole batches."""
        return sum(_filled(count, self._batch_size) for count in self._counts())

    def _counts(self) -> list[int]:
        """How many items of each group come in the current epoch."""
        return [len(members) for members in self._groups]

    def _members(self, generator: np.random.Generator) -> list[npt.NDArray[np.int64]]:
        """The items of each group that come in the current epoch."""
        return self._groups

    def _of_rank(self, rank: int, world_size: int) -> npt.NDArray[np.int64]:
        generator = grouped_order_generator(self._seed(), self.epoch)
        step = self._batch_size * world_size
        filled = []
        for members in self._members(generator):
            order = self._indices[generator.permutation(members)]
            filled.append(np.resize(order, _filled(len(members), step)))
        steps = generator.permutation(np.concatenate(filled).reshape(-1, step))
        own = steps[:, rank * self._batch_size : (rank + 1) * self._batch_size]
        return own.reshape(-1)

    def length_of(self, world_size: int) -> int:
        """As :meth:`SharedSampler.length_of`."""
        step = self._batch_size * world_size
        return sum(_filled(count, step) for count in self._counts()) // world_size


class RepeatedSampler(GroupedSampler):
    """Shuffles as :class:`GroupedSampler` does, with some samples several times in an epoch, and others in some epochs
    alone.

    A sample comes as often as the whole part of its factor says, and once more with the probability of the rest, anew
    in each epoch: as Detectron2's ``RepeatFactorTrainingSampler`` has it. Epochs are of different lengths.

    Args:
        factors: How often each sample comes on average, [samples], not negative.
        indices, groups, batch_size, seed, world: As for :class:`GroupedSampler`.
    """

    def __init__(
        self,
        factors: npt.NDArray[Any],
        indices: npt.NDArray[np.int64],
        groups: npt.NDArray[Any],
        *,
        batch_size: int,
        seed: Callable[[], int],
        world: Callable[[], tuple[int, int]] = alone,
    ) -> None:
        super().__init__(indices, groups, batch_size=batch_size, seed=seed, world=world)
        self._factors = np.asarray(factors, np.float64)

    def _counts(self) -> list[int]:
        return [len(members) for members in self._members(grouped_order_generator(self._seed(), self.epoch))]

    def _members(self, generator: np.random.Generator) -> list[npt.NDArray[np.int64]]:
        whole = np.floor(self._factors)
        times = (whole + (generator.random(len(whole)) < self._factors - whole)).astype(np.int64)
        return [np.repeat(members, times[members]) for members in self._groups]


class GroupedChunkSampler(GroupedSampler):
    """Shuffles as :class:`GroupedSampler` does, out of a window of chunks that moves along all chunks in random order;
    see :func:`penstock.loading.chunk_order.grouped_chunk_order`.

    Lengths are as there. Each rank has chunks of its own, and so the ranks' batches of a step may be of different
    groups.

    Args:
        chunks: Where the dataset's samples lie.
        window: How many chunks may be open at once.
        indices, groups, batch_size, seed, world: As for :class:`GroupedSampler`.
    """

    def __init__(
        self,
        chunks: Chunks,
        window: int,
        indices: npt.NDArray[np.int64],
        groups: npt.NDArray[Any],
        *,
        batch_size: int,
        seed: Callable[[], int],
        world: Callable[[], tuple[int, int]] = alone,
    ) -> None:
        super().__init__(indices, groups, batch_size=batch_size, seed=seed, world=world)
        self._window = window
        # Those that hold items, counted anew.
        self._numbers = Chunks.of(chunks.numbers()[indices]).numbers()

    @property
    def mode(self) -> tuple[str, int | None]:
        """As :attr:`GroupedSampler.mode`."""
        return "chunk", self._window

    @property
    def epoch_order(self) -> EpochOrder:
        """Gives the order of all items in an epoch, whatever their groups, for one rank."""
        return partial(_items_by_chunk, self._numbers, self._window)

    def _of_rank(self, rank: int, world_size: int) -> npt.NDArray[np.int64]:
        items = grouped_chunk_order(
            self._numbers,
            self._groups,
            self._seed(),
            self.epoch,
            window=self._window,
            batch_size=self._batch_size,
            rank=rank,
            world_size=world_size,
        )
        return self._indices[items]


def _items_by_chunk(
    numbers: npt.NDArray[np.int64], window: int, length: int, seed: int, epoch: int
) -> npt.NDArray[np.int64]:
    items = np.arange(length, dtype=np.int64)
    return grouped_chunk_order(numbers, [items], seed, epoch, window=window, batch_size=1)


def grouped_sampler(
    dataset: Dataset,
    names: Iterable[str],
    mode: Shuffle,
    window: int,
    indices: npt.NDArray[np.int64],
    groups: npt.NDArray[Any],
    **arguments: Any,
) -> GroupedSampler:
    """The sampler of a way to shuffle in groups.

    Args:
        dataset: What is read.
        names: The tensors that samples are read from.
        mode: "full" or "chunk". Where no chunks can be seen, "chunk" is "full".
        window: Of "chunk".
        indices, groups, arguments: As of :class:`GroupedSampler`.
    """
    tensors = [dataset[name] for name in names]
    chunks = stored_chunks(dataset, tensors, len(dataset)) if mode == "chunk" else None
    if chunks is None:
        return GroupedSampler(indices, groups, **arguments)
    return GroupedChunkSampler(chunks, window, indices, groups, **arguments)


class OrderedSampler(SharedSampler, SequentialSampler):
    """The dataset's order. Rank r of w gets positions r, r + w, ...; the tail is filled up from the start, so that all
    ranks have equally many. The ranks' results, taken in turns and cut at the dataset's length, are in its order.

    Args:
        indices: The samples' indices in the dataset, int64 [samples].
        world: Called for (rank, world size).
    """

    def __init__(self, indices: npt.NDArray[np.int64], *, world: Callable[[], tuple[int, int]] = alone) -> None:
        super().__init__(len(indices), world=world)
        self._indices = indices
        self.data_source = range(len(indices))

    @property
    def mode(self) -> tuple[str, int | None]:
        """As :attr:`SharedSampler.mode`."""
        return "none", None

    def order(self, done: Stages = ()) -> npt.NDArray[np.int64]:
        """This rank's indices, int64: those that are still to come after ``done``."""
        own: npt.NDArray[np.int64] = self._indices[dealt_places(self._length, done, *self._world())]
        return own

    def whole_order(self) -> npt.NDArray[np.int64]:
        """As :meth:`SharedSampler.whole_order`."""
        return self._indices

    def length_of(self, world_size: int) -> int:
        """As :meth:`SharedSampler.length_of`."""
        return -(-self._length // world_size)


def _filled(count: int, step: int) -> int:
    return -(-count // step) * step
