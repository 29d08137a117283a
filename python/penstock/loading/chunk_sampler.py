"""The sampler of an order that reads few chunks at a time, and which chunks these are."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from penstock.dataset import Dataset, Tensor
from penstock.loading.chunk_order import Chunks, chunk_order
from penstock.loading.sampling import EpochSampler, SharedSampler, alone
from penstock.loading.shares import shared_order
from penstock.loading.stages import Stages

__all__ = ["ChunkSampler", "stored_chunks"]

logger = logging.getLogger("penstock")


def stored_chunks(dataset: Dataset, tensors: Iterable[Tensor], samples: int) -> Chunks | None:
    """The chunks that samples lie in: those of the tensor that has most of them, as images have beside labels.

    Args:
        dataset: The dataset.
        tensors: Those that are read.
        samples: The first so many of them.

    Returns:
        None where none of the tensors has chunks that can be seen, which is logged.
    """
    numbers = (tensor.chunk_numbers() for tensor in tensors)
    found = max((Chunks.of(own[:samples]) for own in numbers if own is not None), key=len, default=None)
    if found is None:
        logger.info("penstock: shuffle='full': no chunks of %s can be seen", dataset.path)
    return found


class ChunkSampler(EpochSampler):
    """Indices of one rank for one epoch, chunks in random order, a window of them open at a time; see
    :mod:`penstock.loading.chunk_order`.

    Args:
        chunks: Where the samples lie.
        window: How many chunks may be open at once.
        seed, world, drop_last: As for :class:`EpochSampler`.
    """

    def __init__(
        self,
        chunks: Chunks,
        window: int,
        *,
        seed: Callable[[], int],
        world: Callable[[], tuple[int, int]] = alone,
        drop_last: bool = False,
    ) -> None:
        length = int(chunks.ends[-1]) if len(chunks) else 0
        super().__init__(length, shuffle=True, seed=seed, world=world, drop_last=drop_last)
        self._chunks = chunks
        self._window = window

    @property
    def mode(self) -> tuple[str, int | None]:
        """As :attr:`SharedSampler.mode`."""
        return "chunk", self._window

    def order(self, done: Stages = ()) -> npt.NDArray[np.int64]:
        """As :meth:`EpochSampler.order`. Where other numbers of ranks began the epoch, what they have left, in their
        order, is cut into a span for each rank."""
        return shared_order(self._of_rank, self._world(), done, drop_last=self.drop_last)

    def left(self, done: Stages) -> int:
        """As :meth:`SharedSampler.left`."""
        return SharedSampler.left(self, done)

    def whole_order(self) -> npt.NDArray[np.int64]:
        """As :meth:`EpochSampler.whole_order`."""
        return self._of_rank(0, 1)

    def _of_rank(self, rank: int, world_size: int) -> npt.NDArray[np.int64]:
        length = self._length
        each = length // world_size if self.drop_last else -(-length // world_size)
        return chunk_order(
            self._chunks,
            self._seed(),
            self.epoch,
            window=self._window,
            length=each,
            rank=rank,
            world_size=world_size,
        )
