"""Annotations of a dataset's items as MMDetection's ``CocoDataset`` gives them, all at once, in flat arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from penstock.integrations.mmdet.annotations import Annotations
from penstock.transforms.native import AnnotationTable

__all__ = ["annotation_table", "empty_table"]


def empty_table(indices: npt.NDArray[np.int64]) -> AnnotationTable:
    """The table of items without annotations, as in testing."""
    return AnnotationTable(
        indices=indices,
        flags=np.zeros(len(indices), np.uint8),
        offsets=np.zeros(0, np.int64),
        boxes=np.zeros((0, 4), np.float32),
        labels=np.zeros(0, np.int64),
        mask_rows=np.zeros(0, np.int64),
        ignored_offsets=np.zeros(0, np.int64),
        ignored=np.zeros((0, 4), np.float32),
    )


def annotation_table(
    annotations: Annotations,
    indices: npt.NDArray[np.int64],
    flags: npt.NDArray[np.uint8],
    sizes: npt.NDArray[np.int64],
    classes: npt.NDArray[np.int64],
) -> AnnotationTable:
    """What ``CocoDataset.get_ann_info`` gives of each item: crowds are ignored boxes; boxes outside of the image, of
    less than a pixel, without area, or of classes that are not used, are left out.

    Args:
        annotations: Of all samples.
        indices: Which sample each item is, int64 [items].
        flags: Group of each item, uint8 [items].
        sizes: Height and width of each sample, int64 [samples, 2].
        classes: For each label of the dataset the label in training, -1 where its class is not used.
    """
    rows, item_of = _rows_of_items(annotations.offsets, indices)
    boxes = annotations.boxes[rows]
    labels = classes[annotations.labels[rows]]
    left, top, width, height = boxes.T
    image_height, image_width = sizes[indices[item_of]].T
    right, bottom = left + width, top + height
    inside = np.maximum(0, np.minimum(right, image_width) - np.maximum(left, 0)) * np.maximum(
        0, np.minimum(bottom, image_height) - np.maximum(top, 0)
    )
    used = (inside > 0) & (annotations.areas[rows] > 0) & (width >= 1) & (height >= 1) & (labels >= 0)
    corners = np.stack([left, top, right, bottom], axis=1).astype(np.float32)
    crowds = annotations.crowds[rows]
    kept, ignored = used & ~crowds, used & crowds
    return AnnotationTable(
        indices=indices,
        flags=flags,
        offsets=_offsets(item_of[kept], len(indices)),
        boxes=corners[kept],
        labels=labels[kept],
        mask_rows=(rows - annotations.offsets[indices[item_of]])[kept],
        ignored_offsets=_offsets(item_of[ignored], len(indices)),
        ignored=corners[ignored],
    )


def _rows_of_items(
    offsets: npt.NDArray[np.int64], indices: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows of the items' annotations, one item after the other, and the item of each row."""
    counts = offsets[indices + 1] - offsets[indices]
    item_of = np.repeat(np.arange(len(indices)), counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return offsets[indices][item_of] + within, item_of


def _offsets(item_of: npt.NDArray[np.int64], items: int) -> npt.NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(np.bincount(item_of, minlength=items)))).astype(np.int64)
