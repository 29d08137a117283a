"""From the memory of a batch that the core has transformed to tensors, or to single samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from penstock._native import require_native
from penstock.collate import numpy_samples, tensor_batch
from penstock.transforms.native import NativeBatch, NativeSample

if TYPE_CHECKING:
    from penstock import _core

__all__ = ["native_batch", "native_samples"]

_ANNOTATIONS = (np.dtype(np.float32), np.dtype(np.int64), np.dtype(np.float32))


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
        _as_list(tensor_batch(tensor, dtype)) for tensor, dtype in zip(tensors[views:], _ANNOTATIONS, strict=False)
    ] or ([], [], [])
    return NativeBatch(
        views=[tensor_batch(tensors[view], _image_dtype(rows[view])) for view in range(views)],
        boxes=boxes,
        labels=labels,
        ignored=ignored,
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
    return [
        NativeSample(image, boxes, labels, ignored, row)
        for image, boxes, labels, ignored, row in zip(images, *columns, rows, strict=True)
    ]


def _rows(metas: npt.NDArray[np.float64]) -> list[dict[str, float]]:
    columns = require_native().META_COLUMNS
    return [dict(zip(columns, row, strict=True)) for row in metas.reshape(-1, len(columns)).tolist()]


def _image_dtype(row: dict[str, float]) -> np.dtype[Any]:
    return np.dtype(np.float32 if row["floating"] else np.uint8)


def _as_list(values: torch.Tensor | list[torch.Tensor]) -> list[torch.Tensor]:
    return list(values)
