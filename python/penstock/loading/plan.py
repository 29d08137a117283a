"""One epoch's plan: which samples, in which batches, in which order."""

from __future__ import annotations

import operator
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import SupportsIndex

import numpy as np
import numpy.typing as npt

__all__ = ["EpochPlan", "checked_index"]


def checked_index(index: SupportsIndex, samples: int) -> int:
    """An index as a number from 0 on; negative ones count from the end.

    Raises:
        IndexError: There is no such sample.
    """
    number = operator.index(index)
    if not -samples <= number < samples:
        raise IndexError(f"sample {number} is out of range: there are {samples}")
    return number % samples


@dataclass(frozen=True, eq=False)
class EpochPlan:
    """The batches of one epoch of one rank. Takes 8 bytes for each sample.

    Attributes:
        epoch: Which epoch; the random numbers of its samples depend on it.
        order: int64 [samples]: indices of all batches, one after the other.
        ends: int64 [batches]: where each batch ends in ``order``, exclusive.
        first: Number of the first batch that is still to come; not 0 where an epoch is resumed.
    """

    epoch: int
    order: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    first: int = 0

    @classmethod
    def of_order(
        cls, epoch: int, order: npt.NDArray[np.int64], batch_size: int, drop_last: bool, first: int
    ) -> EpochPlan:
        """The plan that cuts an order into batches of a size; the last one may be smaller, or is dropped."""
        ends = np.arange(batch_size, len(order) + 1, batch_size, dtype=np.int64)
        if not drop_last and len(order) % batch_size:
            ends = np.append(ends, len(order))
        return cls(epoch, order[: int(ends[-1]) if len(ends) else 0], ends, first)

    @classmethod
    def of_batches(
        cls, epoch: int, batches: Iterable[Iterable[SupportsIndex]], samples: int, first: int
    ) -> EpochPlan:
        """The plan of given batches of a dataset of so many samples.

        Raises:
            IndexError: There is no such sample.
            ValueError: A batch is empty.
        """
        order, ends = array("q"), array("q")
        for batch in batches:
            order.extend(checked_index(index, samples) for index in batch)
            if len(order) == (ends[-1] if ends else 0):
                raise ValueError("batch_sampler gave a batch without samples")
            ends.append(len(order))
        return cls(epoch, np.array(order, dtype=np.int64), np.array(ends, dtype=np.int64), first)

    def __len__(self) -> int:
        """Number of batches, those before ``first`` included."""
        return len(self.ends)

    def remaining(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """``order`` and ``ends`` of the batches to load."""
        begin = self._begin(self.first)
        return self.order[begin:], self.ends[self.first :] - begin

    def batches(self) -> Iterator[list[int]]:
        """The batches to load."""
        for number in range(self.first, len(self.ends)):
            yield self.order[self._begin(number) : int(self.ends[number])].tolist()

    def keys(self) -> Iterator[list[tuple[int, int]]]:
        """The batches as (epoch, index) pairs: a worker process that lives on learns of a new epoch by them."""
        for batch in self.batches():
            yield [(self.epoch, index) for index in batch]

    def _begin(self, number: int) -> int:
        return 0 if number == 0 else int(self.ends[number - 1])
