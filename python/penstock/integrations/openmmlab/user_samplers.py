"""Samplers of the user's own, whose numbers are items, for a loader whose numbers are samples.

Note [Parts]: such a sampler may go on without end, and random numbers follow from a loader's epoch. So what it gives is
cut into parts as long as the dataset, each an epoch of the loader.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import BatchSampler, Sampler

__all__ = ["ItemBatches", "ItemSampler", "Parts"]

_Indices = npt.NDArray[np.int64]


class Parts:
    """What a sampler gives, part by part.

    Args:
        inner: The sampler.
        length: How much it gives in a part.

    Attributes:
        goes_on: Whether the next part is what follows the one that was given last.
    """

    def __init__(self, inner: Any, length: int) -> None:
        self.inner = inner
        self.goes_on = False
        self._follows = False
        self._length = length
        self._rest: Iterator[Any] = iter(())
        self._given = 0
        self._skip = 0

    def part(self) -> Iterator[Any]:
        """The next part, where :meth:`go_on` was called before; else the first one, anew."""
        if not self.goes_on:
            self._rest, self._given = itertools.islice(iter(self.inner), self._skip, None), self._skip
        self.goes_on, self._skip = False, 0
        for value in itertools.islice(self._rest, self._length):
            self._given += 1
            yield value
        following = list(itertools.islice(self._rest, 1))
        self._rest = itertools.chain(following, self._rest)
        self._follows = bool(following)

    def go_on(self) -> bool:
        """Whether the next part is what follows; else there is nothing."""
        self.goes_on, self._follows = self._follows, False
        return self.goes_on

    def state_dict(self) -> dict[str, Any]:
        """How much was given before the part that comes next."""
        return {"given": self._given if self.goes_on else self._skip}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The next part is the one that came next then."""
        self.goes_on, self._skip = False, int(state["given"])

    def set_epoch(self, epoch: int) -> None:
        """Tells the sampler, and the one within it, where they ask for that."""
        for sampler in (self.inner, getattr(self.inner, "sampler", None)):
            set_epoch = getattr(sampler, "set_epoch", None)
            if set_epoch is not None:
                set_epoch(epoch)


class ItemSampler(Parts, Sampler[int]):
    """The samples of the items that a sampler gives.

    Args:
        sampler: Gives items.
        indices: The sample of each item, int64 [items].
    """

    def __init__(self, sampler: Any, indices: _Indices) -> None:
        super().__init__(sampler, len(indices))
        self._indices = indices

    def __iter__(self) -> Iterator[int]:
        return (int(self._indices[item]) for item in self.part())

    def __len__(self) -> int:
        return len(self.inner)


class ItemBatches(Parts, BatchSampler):
    """The samples of the batches that a batch sampler gives.

    Args:
        batches: Gives lists of items.
        indices: The sample of each item, int64 [items].
    """

    def __init__(self, batches: Any, indices: _Indices) -> None:
        self.sampler: Any = getattr(batches, "sampler", None)
        self.batch_size = getattr(batches, "batch_size", 1)
        size = self.batch_size if isinstance(self.batch_size, int) else sum(self.batch_size)
        super().__init__(batches, -(-len(indices) // size))
        self._indices = indices

    def __iter__(self) -> Iterator[list[int]]:
        return (self._indices[batch].tolist() for batch in self.part())

    def __len__(self) -> int:
        return len(self.inner)
