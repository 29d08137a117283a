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

_ANNOTATIONS: tuple[np.dtype[Any], ...] = (np.dtype(np.float32), np.dtype(np.int64), np.dtype(np.float32))


def native_batch(tensors: Sequence[_core._TensorBatch], metas: npt.NDArray[np.float64]) -> NativeBatch:
    """The batch as tensors over its memory.

    Args:
        tensors: As :meth:`penstock._core.Epoch.next` gives them: the views, then boxes, labels and ignored boxes or
            nothing.
        metas: Likewise.
    """
    rows = _rows(metas)
    samples = len(tensors[0][1])
    views = len(rows) // samples
    boxes, labels, ignored = [
        list(tensor_batch(tensor, dtype)) for tensor, dtype in zip(tensors[views:], _ANNOTATIONS, strict=False)
    ] or ([], [], [])
    return NativeBatch(
        views=[tensor_batch(tensors[view], _image_dtype(rows[view])) for view in range(views)],
        boxes=boxes,
        labels=labels,
        ignored=ignored,
        masks=_masks(tensors[views + len(_ANNOTATIONS) :]),
        metas=[rows[i * views : (i + 1) * views] for i in range(samples)],
    )


def native_samples(
    tensors: Sequence[_core._TensorBatch], metas: npt.NDArray[np.float64]
) -> list[NativeSample]:
    """The samples of a batch, one by one, as arrays over its memory; of batches of one view."""
    rows = _rows(metas)
    images = numpy_samples(tensors[0], _image_dtype(rows[0]))
    columns: list[Any] = [
        numpy_samples(tensor, dtype) for tensor, dtype in zip(tensors[1:], _ANNOTATIONS, strict=False)
    ] or [[None] * len(images)] * len(_ANNOTATIONS)
    masks: list[Any] = list(_masks(tensors[1 + len(_ANNOTATIONS) :])) or [None] * len(images)
    return [
        NativeSample(image, boxes, labels, ignored, mask, row)
        for image, boxes, labels, ignored, mask, row in zip(images, *columns, masks, rows, strict=True)
    ]


def _masks(tensors: Sequence[_core._TensorBatch]) -> list[NativeMasks]:
    """From the core's two tensors (see csrc/pipeline/mask_source.h), or none."""
    if not tensors:
        return []
    values, ends = tensors
    bitmaps = len(values[2][0]) == 3
    arrays = numpy_samples(values, np.dtype(np.uint8 if bitmaps else np.float64))
    numbers = numpy_samples(ends, np.dtype(np.int64))
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


def _rows(metas: npt.NDArray[np.float64]) -> list[dict[str, float]]:
    columns = require_native().META_COLUMNS
    return [dict(zip(columns, row, strict=True)) for row in metas.reshape(-1, len(columns)).tolist()]


def _image_dtype(row: dict[str, float]) -> np.dtype[Any]:
    return np.dtype(np.float32 if row["floating"] else np.uint8)
