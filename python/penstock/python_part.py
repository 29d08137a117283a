"""What Python makes of a batch that the core has read: values that are no arrays, transforms, and collate."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from penstock.collate import NativeTensor, grouped, numpy_samples, sample_bytes, sequence_batch, sequence_samples
from penstock.collate import tensor_batch as array_batch
from penstock.dataset import Tensor
from penstock.dataset.tensor import Tensor as ChunkedTensor
from penstock.native_batch import native_samples
from penstock.python_columns import Columns
from penstock.samples import Samples

__all__ = ["PythonPart", "core_dtypes", "untouched_batch"]


def core_dtypes(samples: Samples) -> dict[str, np.dtype[Any]]:
    """The keys whose samples the core reads, in its order, and what its arrays of them hold."""
    return {key: reading.core_dtype for key, reading in samples.readings.items() if reading.route != "python"}


def untouched_batch(
    samples: Samples, indices: Sequence[int], tensors: Sequence[NativeTensor], columns: Columns
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A batch without a transform: what lies over the core's memory, and what Python has made beside it.

    Args:
        samples: The dataset.
        indices, tensors: As :meth:`penstock._core.Epoch.next` gives them.
        columns: The samples that Python has read by itself.
    """
    by_key = dict(zip(core_dtypes(samples), tensors, strict=True))
    values = _values(samples, indices, by_key, columns)
    arrays = {
        key: _array_batch(samples, key, indices, tensor) for key, tensor in by_key.items() if key not in values
    }
    if samples.return_index:
        arrays["index"] = torch.tensor(indices, dtype=torch.int64)
    return arrays, samples.collate_columns(values)


@dataclass(frozen=True)
class PythonPart:
    """Makes a batch of what the core has read, sample by sample, wherever it is called.

    Attributes:
        samples: The dataset and the transform.
        collate: Makes the batch; None: the default.
    """

    samples: Samples
    collate: Callable[[list[Any]], Any] | None

    def __call__(
        self,
        indices: Sequence[int],
        tensors: Sequence[NativeTensor],
        metas: Any,
        epoch: int,
        columns: Columns | None = None,
    ) -> Any:
        """The batch.

        Args:
            indices, tensors, metas: As :meth:`penstock._core.Epoch.next` gives them.
            epoch: The epoch.
            columns: The samples that Python has read by itself.

        Raises:
            TransformError: The transform raised; its exception is the cause.
        """
        samples = self.samples
        native = samples.program.native
        if native is not None:
            assert native.resume is not None
            done = [
                samples.seeded(epoch, index, functools.partial(native.resume, sample))
                for index, sample in zip(indices, native_samples(tensors, metas), strict=True)
            ]
        else:
            by_key = self._by_key(indices, tensors, columns or {})
            done = [
                samples.transformed({key: column[i] for key, column in by_key.items()}, epoch, index)
                for i, index in enumerate(indices)
            ]
        return (self.collate or samples.collate)(done)

    def _by_key(
        self, indices: Sequence[int], tensors: Sequence[NativeTensor], columns: Columns
    ) -> dict[str, list[Any]]:
        samples = self.samples
        by_key = dict(zip(core_dtypes(samples), tensors, strict=True))
        values = _values(samples, indices, by_key, columns)
        return {
            key: values[key] if key in values else _array_samples(samples, key, indices, by_key[key])
            for key in samples.readings
        }


def _values(
    samples: Samples, indices: Sequence[int], tensors: Mapping[str, NativeTensor], columns: Columns
) -> dict[str, list[Any]]:
    """Samples of a batch that are no arrays of the core's, by key: Python makes them of the bytes that the core has
    read (text, polygons, rare image formats), or has read them by itself.
    """
    readings = {key: reading for key, reading in samples.readings.items() if reading.route != "arrays"}
    stored = {
        key: grouped(sample_bytes(tensors[key]), _lengths(reading.tensor, indices))
        for key, reading in readings.items()
        if key in tensors
    }
    values: dict[str, list[Any]] = {key: [] for key in readings}
    # Sample by sample, so that the error of the first bad one is raised, as in the Python loader.
    for position, index in enumerate(indices):
        for key, reading in readings.items():
            if key in stored:
                values[key].append(reading.value(index, stored[key][position]))
            else:
                values[key].append(columns[key][position].result())
    return values


def _array_batch(samples: Samples, key: str, indices: Sequence[int], native: NativeTensor) -> Any:
    """Arrays of a batch that the core has made, as the default collate gives them."""
    tensor, dtype = samples.tensors[key], core_dtypes(samples)[key]
    if isinstance(tensor, ChunkedTensor) and tensor.is_sequence:
        return sequence_batch(native, dtype, _lengths(tensor, indices), tensor.sequence([]))
    return array_batch(native, dtype)


def _array_samples(samples: Samples, key: str, indices: Sequence[int], native: NativeTensor) -> list[Any]:
    """The same, sample by sample."""
    tensor, dtype = samples.tensors[key], core_dtypes(samples)[key]
    if isinstance(tensor, ChunkedTensor) and tensor.is_sequence:
        return sequence_samples(native, dtype, _lengths(tensor, indices), tensor.sequence([]))
    return numpy_samples(native, dtype)


def _lengths(tensor: Tensor, indices: Sequence[int]) -> list[int]:
    """How many items each sample has."""
    if isinstance(tensor, ChunkedTensor) and tensor.is_sequence:
        return [len(tensor.items(index)) for index in indices]
    return [1] * len(indices)
