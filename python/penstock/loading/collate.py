"""From samples to a batch."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import default_collate

from penstock.errors import ConfigError

__all__ = [
    "collate_columns",
    "collate_samples",
    "collate_transformed",
    "grouped",
    "numpy_samples",
    "sample_bytes",
    "sequence_batch",
    "sequence_samples",
    "tensor_batch",
]

#: One tensor of a native batch: memory, offsets in bytes, shapes, and whether the shapes are equal. Of sequences: all
#: their items.
NativeTensor = tuple[Any, list[int], list[list[int]], bool]


def collate_samples(samples: list[dict[str, Any]], lists: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The default collate: for each key one tensor with a new first axis where all shapes are equal, else a list.

    Numbers (the ``"index"``) become an int64 tensor. Anything else (text, objects, lists of polygons, bytes, PIL
    images, arrays of dates and of numbers that torch has no dtype for) stays a list, and so do the keys in ``lists``
    and, among arrays, a sequence whose items differ in shape.
    """
    return collate_columns({key: [sample[key] for sample in samples] for key in samples[0]}, lists)


def collate_transformed(samples: list[Any], lists: frozenset[str] = frozenset()) -> Any:
    """The default collate of what a transform returned: torch's ``default_collate``, with two differences.

    Arrays and tensors of different shapes become a list of tensors. What torch refuses (None, objects) stays a list,
    and so do the keys in ``lists``.

    Args:
        samples: Arrays, tensors, numbers, text; dicts, tuples, named tuples and lists of such.
        lists: Keys of a sample whose values are lists by their nature.

    Raises:
        ConfigError: Samples differ in their keys or lengths, or some have an array where others have none.
    """
    if isinstance(samples[0], Mapping):
        return _mapping(samples, "", lists)
    return _transformed(samples, "")


def _mapping(values: Sequence[Any], where: str, lists: frozenset[str]) -> Any:
    first = values[0]
    keys = list(first)
    for number, value in enumerate(values):
        if not isinstance(value, Mapping) or set(value) != set(keys):
            got = list(value) if isinstance(value, Mapping) else type(value).__name__
            raise _differ(where, f"samples differ in their keys: {keys} in the first, {got} in number {number}")
    columns = {
        key: [value[key] for value in values]
        if key in lists
        else _transformed([value[key] for value in values], f"{where}[{key!r}]")
        for key in keys
    }
    try:
        return columns if type(first) is dict else type(first)(columns)
    except TypeError:  # a mapping that is made otherwise
        return columns


def _transformed(values: Sequence[Any], where: str) -> Any:
    first = values[0]
    arrays = sum(isinstance(value, np.ndarray | np.generic | torch.Tensor) for value in values)
    if arrays:
        if arrays < len(values):
            kinds = sorted({type(value).__name__ for value in values})
            raise _differ(where, f"some samples have an array and others have none: {', '.join(kinds)}")
        return _arrays(values, where)
    if isinstance(first, Mapping):
        return _mapping(values, where, frozenset())
    if isinstance(first, bool | int | float) and all(isinstance(value, bool | int | float) for value in values):
        return default_collate(list(values))
    if isinstance(first, tuple | list):
        return _sequences(values, where)
    return values


def _sequences(values: Sequence[Any], where: str) -> Any:
    first = values[0]
    if any(type(value) is not type(first) for value in values):
        return values
    if any(len(value) != len(first) for value in values):
        if isinstance(first, list):  # as many items as there are: objects of an image, and the like
            return values
        lengths = [len(value) for value in values]
        raise _differ(where, f"samples are tuples of different lengths: {lengths}")
    made = [_transformed(column, f"{where}[{place}]") for place, column in enumerate(zip(*values, strict=True))]
    return type(first)(*made) if hasattr(first, "_fields") else made


def _arrays(values: Sequence[Any], where: str) -> Any:
    if any(
        isinstance(value, np.ndarray | np.generic) and not _in_torch(np.asarray(value).dtype) for value in values
    ):
        return values  # text, dates, and numbers that torch has no dtype for
    tensors = [
        value if isinstance(value, torch.Tensor) else torch.from_numpy(np.asarray(value, order="C"))
        for value in values
    ]
    if len({tensor.shape for tensor in tensors}) > 1:
        return tensors
    try:
        return default_collate(tensors)
    except (RuntimeError, TypeError) as error:
        raise _differ(where, f"{error}; shapes: {[tuple(tensor.shape) for tensor in tensors]}") from error


def _differ(where: str, what: str) -> ConfigError:
    return ConfigError(
        f"what the transform returned cannot be put into a batch: sample{where}: {what}",
        hint="Return the same kinds from each sample, or pass a collate_fn",
    )


def collate_columns(columns: dict[str, list[Any]], lists: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The same for samples that are given key by key."""
    return {key: values if key in lists else _collate_values(values) for key, values in columns.items()}


def _collate_values(values: list[Any]) -> Any:
    arrays = [value for value in values if isinstance(value, np.ndarray)]
    if arrays and all(_in_torch(array.dtype) for array in arrays):
        return _stack_or_list(values)
    if isinstance(values[0], int):
        return torch.tensor(values, dtype=torch.int64)
    return values


def _in_torch(dtype: np.dtype[Any]) -> bool:
    """Whether torch has such numbers: all of numpy's but those that are longer than a double."""
    longest = {"b": 1, "i": 8, "u": 8, "f": 8, "c": 16}
    return dtype.itemsize <= longest.get(dtype.kind, 0)


def _stack_or_list(samples: list[Any]) -> Any:
    kinds = {(sample.shape, sample.dtype) if isinstance(sample, np.ndarray) else None for sample in samples}
    if len(kinds) == 1 and None not in kinds:
        return torch.from_numpy(np.stack(samples))
    return [_tensor_or_list(sample) for sample in samples]


def _tensor_or_list(sample: Any) -> Any:
    # numpy's ascontiguousarray would give a number without axes one.
    return torch.from_numpy(np.asarray(sample, order="C")) if isinstance(sample, np.ndarray) else sample


def tensor_batch(native: NativeTensor, dtype: np.dtype[Any]) -> Any:
    """A native batch's tensor as :func:`collate_samples` gives it, over the same memory: nothing is copied."""
    memory, offsets, shapes, stacked = native
    if not _in_torch(dtype):
        return [sample.copy() for sample in numpy_samples(native, dtype)]
    # Once for the batch; a view of each sample is then one step from there.
    elements = _elements(memory, dtype)
    if stacked:
        return _view(elements, 0, [len(shapes), *shapes[0]])
    return [
        _view(elements, offset // dtype.itemsize, shape) for offset, shape in zip(offsets, shapes, strict=True)
    ]


def _elements(memory: Any, dtype: np.dtype[Any]) -> torch.Tensor:
    """All elements that a batch's memory has room for."""
    base: torch.Tensor = torch.from_numpy(memory) if isinstance(memory, np.ndarray) else memory
    assert base.storage_offset() == 0  # views count from the storage's start
    return base[: len(base) // dtype.itemsize * dtype.itemsize].view(_torch_dtype(dtype))


def _view(elements: torch.Tensor, start: int, shape: list[int]) -> torch.Tensor:
    # One step: a slice that is viewed otherwise is two, and a batch has a view for each image.
    if len(shape) == 3:
        _, width, channels = shape
        return elements.as_strided(shape, (width * channels, channels, 1), start)
    strides = [1] * len(shape)
    for axis in range(len(shape) - 1, 0, -1):
        strides[axis - 1] = strides[axis] * shape[axis]
    return elements.as_strided(shape, strides, start)


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


def sequence_batch(native: NativeTensor, dtype: np.dtype[Any], lengths: list[int], empty: Any) -> Any:
    """A native batch's sequences of arrays as :func:`collate_samples` gives them, over the same memory.

    Args:
        native, dtype: The items of all sequences.
        lengths: How many items each sequence has.
        empty: The sample that has no elements.
    """
    memory, offsets, shapes, stacked = native
    samples = sequence_samples(native, dtype, lengths, empty)
    if not _in_torch(dtype):
        return [sample.copy() for sample in samples]
    elements = _elements(memory, dtype)
    if stacked and min(lengths) == max(lengths) and shapes and 0 not in shapes[0]:
        return _view(elements, 0, [len(lengths), lengths[0], *shapes[0]])
    if not any(_has_elements(sample) for sample in samples):
        return _stack_or_list(samples)
    # Views of the memory's own tensor, not of an array over it: torch has to know which memory a copy to a device
    # reads, or it gives pinned memory out again while the copy is under way.
    starts = itertools.accumulate(lengths, initial=0)
    return [
        _view(elements, offsets[start] // dtype.itemsize, list(sample.shape))
        if _has_elements(sample)
        else _tensor_or_list(sample)
        for start, sample in zip(starts, samples, strict=False)
    ]


def _has_elements(sample: Any) -> bool:
    return isinstance(sample, np.ndarray) and sample.size > 0


def sequence_samples(native: NativeTensor, dtype: np.dtype[Any], lengths: list[int], empty: Any) -> list[Any]:
    """A native batch's sequences of arrays, as :func:`sequence_batch` takes them, one by one: an array where the items
    have equal shapes, else the list of the items.
    """
    memory, offsets, shapes, _ = native
    array = memory if isinstance(memory, np.ndarray) else memory.numpy()
    samples: list[Any] = []
    begin = 0
    for length in lengths:
        part = slice(begin, begin + length)
        begin += length
        samples.append(_sequence(array, offsets[part], shapes[part], dtype, empty))
    return samples


def _sequence(
    memory: np.ndarray[Any, Any], offsets: list[int], shapes: list[list[int]], dtype: np.dtype[Any], empty: Any
) -> Any:
    if any(shape != shapes[0] for shape in shapes):
        return numpy_samples((memory, offsets, shapes, False), dtype)
    size = len(shapes) * math.prod(shapes[0]) * dtype.itemsize if shapes else 0
    if size == 0:
        return empty.copy()
    return memory[offsets[0] : offsets[0] + size].view(dtype).reshape(len(shapes), *shapes[0])


def grouped(items: list[bytes], lengths: list[int]) -> list[list[bytes]]:
    """The items of each sequence."""
    remaining = iter(items)
    return [[next(remaining) for _ in range(length)] for length in lengths]


def sample_bytes(native: NativeTensor) -> list[bytes]:
    """A copy of each sample of a native batch's tensor of bytes; of sequences, of each item."""
    memory, offsets, shapes, _ = native
    array = memory if isinstance(memory, np.ndarray) else memory.numpy()
    return [array[offset : offset + size].tobytes() for offset, (size,) in zip(offsets, shapes, strict=True)]
