"""From the memory of a batch that the core has transformed to tensors, or to single samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from penstock._native import require_native
from penstock.loading.collate import numpy_samples, tensor_batch
from penstock.loading.native.part import NativeBatch, NativeMasks, NativeSample

if TYPE_CHECKING:
    from penstock import _core

__all__ = ["native_batch", "native_samples"]

#: Boxes, labels, ignored boxes, flags of the boxes.
_ANNOTATIONS = 4


def native_batch(tensors: Sequence[_core._TensorBatch], metas: _core._Metas) -> NativeBatch:
    """The batch as tensors over its memory.

    Args:
        tensors: As :meth:`penstock._core.Epoch.next` gives them: the views, then boxes, labels, ignored boxes and
            flags, or nothing.
        metas: Likewise.
    """
    rows, dtypes = _rows(metas)
    samples = len(tensors[0][1])
    views = len(rows) // samples
    made = [
        tensor_batch(tensor, dtype) for tensor, dtype in zip(tensors[: views + _ANNOTATIONS], dtypes, strict=False)
    ]
    boxes, labels, ignored, flags = [list(column) for column in made[views:]] or ([], [], [], [])
    return NativeBatch(
        views=made[:views],
        boxes=boxes,
        labels=labels,
        ignored=ignored,
        ignore_flags=flags,
        masks=_masks(tensors[views + _ANNOTATIONS :], dtypes[views + _ANNOTATIONS :]),
        metas=[rows[i * views : (i + 1) * views] for i in range(samples)],
    )


def native_samples(tensors: Sequence[_core._TensorBatch], metas: _core._Metas) -> list[NativeSample]:
    """The samples of a batch, one by one, as arrays over its memory; of batches of one view."""
    rows, dtypes = _rows(metas)
    images, *columns = [
        numpy_samples(tensor, dtype) for tensor, dtype in zip(tensors[: 1 + _ANNOTATIONS], dtypes, strict=False)
    ]
    absent: Any = [None] * len(images)
    masks: Any = _masks(tensors[1 + _ANNOTATIONS :], dtypes[1 + _ANNOTATIONS :]) or absent
    return [
        NativeSample(image, boxes, labels, ignored, flags, mask, row)
        for image, boxes, labels, ignored, flags, mask, row in zip(
            images, *(columns or [absent] * _ANNOTATIONS), masks, rows, strict=True
        )
    ]


def _masks(tensors: Sequence[_core._TensorBatch], dtypes: Sequence[np.dtype[Any]]) -> list[NativeMasks]:
    """From the core's two tensors (see csrc/pipeline/mask_output.h), or none."""
    if not tensors:
        return []
    arrays, numbers = [numpy_samples(tensor, dtype) for tensor, dtype in zip(tensors, dtypes, strict=True)]
    return [_one_samples_masks(array, number.tolist()) for array, number in zip(arrays, numbers, strict=True)]


def _one_samples_masks(values: npt.NDArray[Any], numbers: list[int]) -> NativeMasks:
    height, width, objects, polygons = numbers[:4]
    if values.ndim == 3:
        return NativeMasks(height, width, values, None)
    object_ends, polygon_ends = numbers[4 : 4 + objects], numbers[4 + objects :]
    parts = [values[start:end] for start, end in zip([0, *polygon_ends], polygon_ends, strict=False)]
    assert len(parts) == polygons
    lists = [parts[start:end] for start, end in zip([0, *object_ends], object_ends, strict=False)]
    return NativeMasks(height, width, None, lists)


def _rows(metas: _core._Metas) -> tuple[list[dict[str, float]], list[np.dtype[Any]]]:
    """The rows by their columns' names, and the types of the tensors' elements."""
    columns = require_native().META_COLUMNS
    rows, names = metas
    by_name = [dict(zip(columns, row, strict=True)) for row in rows.reshape(-1, len(columns)).tolist()]
    return by_name, [np.dtype(name) for name in names]
