"""From samples to a batch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

__all__ = ["collate_columns", "collate_samples", "numpy_samples", "sample_bytes", "tensor_batch"]

#: One tensor of a native batch: memory, offsets in bytes, shapes, and whether the shapes are equal.
NativeTensor = tuple[Any, list[int], list[list[int]], bool]


def collate_samples(samples: list[dict[str, Any]], lists: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The default collate: for each key one tensor with a new first axis where all shapes are equal, else a list.

    Numbers (the ``"index"``) become an int64 tensor. Anything else (text, objects, lists of polygons, bytes, PIL
    images, arrays of dates and of numbers that torch has no dtype for) stays a list, and so do the keys in ``lists``.
    """
    return collate_columns({key: [sample[key] for sample in samples] for key in samples[0]}, lists)


def collate_columns(columns: dict[str, list[Any]], lists: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The same for samples that are given key by key."""
    return {key: values if key in lists else _collate_values(values) for key, values in columns.items()}


def _collate_values(values: list[Any]) -> Any:
    if all(isinstance(value, np.ndarray) and _in_torch(value.dtype) for value in values):
        return _stack_or_list(values)
    if isinstance(values[0], int):
        return torch.tensor(values, dtype=torch.int64)
    return values


def _in_torch(dtype: np.dtype[Any]) -> bool:
    """Whether torch has such numbers: all of numpy's but those that are longer than a double."""
    longest = {"b": 1, "i": 8, "u": 8, "f": 8, "c": 16}
    return dtype.itemsize <= longest.get(dtype.kind, 0)


def _stack_or_list(arrays: list[np.ndarray[Any, Any]]) -> Any:
    if all(array.shape == arrays[0].shape for array in arrays):
        return torch.from_numpy(np.stack(arrays))
    return [torch.from_numpy(np.ascontiguousarray(array)) for array in arrays]


def tensor_batch(native: NativeTensor, dtype: np.dtype[Any]) -> Any:
    """A native batch's tensor as :func:`collate_samples` gives it, over the same memory: nothing is copied."""
    memory, offsets, shapes, stacked = native
    if not _in_torch(dtype):
        return [sample.copy() for sample in numpy_samples(native, dtype)]
    base = torch.from_numpy(memory) if isinstance(memory, np.ndarray) else memory
    torch_dtype = _torch_dtype(dtype)
    if stacked:
        return _view(base, 0, [len(shapes), *shapes[0]], torch_dtype, dtype.itemsize)
    return [
        _view(base, offset, shape, torch_dtype, dtype.itemsize)
        for offset, shape in zip(offsets, shapes, strict=True)
    ]


def _view(
    memory: torch.Tensor, offset: int, shape: list[int], dtype: torch.dtype, item_size: int
) -> torch.Tensor:
    return memory[offset : offset + math.prod(shape) * item_size].view(dtype).view(shape)


def _torch_dtype(dtype: np.dtype[Any]) -> torch.dtype:
    return torch.from_numpy(np.empty(0, dtype)).dtype


def numpy_samples(native: NativeTensor, dtype: np.dtype[Any]) -> list[np.ndarray[Any, Any]]:
    """A native batch's tensor as one array a sample, over the same memory."""
    memory, offsets, shapes, _ = native
    array = memory if isinstance(memory, np.ndarray) else memory.numpy()
    return [
        array[offset : offset + math.prod(shape) * dtype.itemsize].view(dtype).reshape(shape)
        for offset, shape in zip(offsets, shapes, strict=True)
    ]


def sample_bytes(native: NativeTensor) -> list[bytes]:
    """A copy of each sample of a native batch's tensor of bytes."""
    memory, offsets, shapes, _ = native
    array = memory if isinstance(memory, np.ndarray) else memory.numpy()
    return [array[offset : offset + size].tobytes() for offset, (size,) in zip(offsets, shapes, strict=True)]
