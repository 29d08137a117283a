"""The loader's samples by index: read, decode, transform, one at a time.

What the Python loader's workers run, and what ``loader.dataset[i]`` gives with either loader type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch.utils.data

from penstock.dataset import Dataset, Tensor
from penstock.errors import PenstockError, TransformError
from penstock.plan import checked_index
from penstock.sampling import seeded_globals
from penstock.transforms.draws import Stream
from penstock.transforms.program import Program

__all__ = ["Samples"]


class Samples(torch.utils.data.Dataset[Any]):
    """Map-style dataset of transformed samples.

    Args:
        source: The Deep Lake dataset.
        tensors: The tensors of a sample by its keys.
        program: The transform.
        seed: Gives the loader's seed.
        return_index: Samples carry ``"index"``.

    Attributes:
        epoch: The epoch whose random numbers ``samples[i]`` uses.
    """

    def __init__(
        self,
        source: Dataset,
        tensors: dict[str, Tensor],
        program: Program,
        *,
        seed: Callable[[], int],
        return_index: bool,
    ) -> None:
        self.source = source
        self.tensors = tensors
        self.program = program
        self.return_index = return_index
        self.epoch = 0
        self._seed = seed

    def __len__(self) -> int:
        return min(len(tensor) for tensor in self.tensors.values())

    def __getitem__(self, item: int | tuple[int, int]) -> Any:
        """The sample of an index, or of (epoch, index), as it goes to collate."""
        epoch, index = item if isinstance(item, tuple) else (self.epoch, item)
        index = checked_index(index, len(self))
        return self.transformed(self.read(index), epoch, index)

    def read(self, index: int) -> dict[str, Any]:
        """The untransformed sample: decoded arrays and values by key, read without the native core."""
        return {
            key: tensor.read(index, color=self.program.color.get(key, "native"))
            for key, tensor in self.read_tensors.items()
        }

    @property
    def read_tensors(self) -> dict[str, Tensor]:
        """The tensors that have to be read for a sample, by its keys."""
        reads = self.program.reads
        return {key: tensor for key, tensor in self.tensors.items() if reads is None or key in reads}

    def transformed(self, sample: dict[str, Any], epoch: int, index: int) -> Any:
        """Runs the transform on a decoded sample, with its own random numbers.

        Raises:
            TransformError: The transform raised; its exception is the cause.
        """
        if self.return_index or self.program.needs_index:
            sample["index"] = index
        call, run = self.program.call, self.program.run
        if run is not None:
            return self.seeded(epoch, index, lambda stream: run(sample, stream))
        if call is not None:
            return self.seeded(epoch, index, lambda _: call(sample))
        return sample

    def seeded(self, epoch: int, index: int, work: Callable[[Stream], Any]) -> Any:
        """Runs a part of the transform on a sample, with the sample's own random numbers.

        Raises:
            TransformError: The transform raised; its exception is the cause.
        """
        try:
            with seeded_globals(self._seed(), epoch, index):
                return work(Stream(self._seed(), epoch, index))
        except PenstockError as error:
            error.index = index if error.index is None else error.index
            raise
        except Exception as error:
            raise TransformError(
                f"the transform raised {type(error).__name__}: {error}", index=index, path=self.source.path
            ) from error

    @property
    def seed(self) -> int:
        """The loader's seed."""
        return self._seed()

    @property
    def dtypes(self) -> dict[str, np.dtype[Any]]:
        """Element type of each key's arrays before the transform; values that are no such arrays count as bytes."""
        return {key: _decoded_dtype(tensor) for key, tensor in self.read_tensors.items()}


def _decoded_dtype(tensor: Tensor) -> np.dtype[Any]:
    if tensor.value_format is not None:
        return np.dtype(np.uint8)
    if tensor.dtype is None:
        return np.dtype(np.float64)
    return tensor.dtype
