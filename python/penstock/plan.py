"""One epoch's plan: which samples, in which batches, in which order."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import SupportsIndex

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


@dataclass(frozen=True)
class EpochPlan:
    """The batches of one epoch of one rank, from the first that is still to come.

    Attributes:
        epoch: Which epoch; the random numbers of its samples depend on it.
        batches: Indices of each batch.
        first: Number of the first batch; not 0 where an epoch is resumed.
    """

    epoch: int
    batches: list[list[int]]
    first: int = 0

    @property
    def remaining(self) -> list[list[int]]:
        """The batches to load."""
        return self.batches[self.first :]

    def keys(self) -> Iterator[list[tuple[int, int]]]:
        """The batches as (epoch, index) pairs: a worker process that lives on learns of a new epoch by them."""
        for batch in self.remaining:
            yield [(self.epoch, index) for index in batch]
