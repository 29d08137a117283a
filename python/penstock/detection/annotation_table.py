"""Annotations of a dataset's items as MMDetection's datasets give them, all at once, in flat arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from penstock.detection.annotations import Annotations
from penstock.loading.native.part import AnnotationTable

__all__ = [
    "BoxRules",
    "annotation_table",
    "coco_rules",
    "corners_of",
    "empty_table",
    "flagged_table",
    "gathered_table",
    "voc_rules",
]


class BoxRules(NamedTuple):
    """What becomes of each box of a dataset, arrays [boxes].

    Attributes:
        labels: int64, in training; -1 where its class is not used.
        kept, ignored: bool, whether it is an object, or ignored; else it is left out.
    """

    labels: npt.NDArray[np.int64]
    kept: npt.NDArray[np.bool_]
    ignored: npt.NDArray[np.bool_]


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
        mask_counts=np.zeros(0, np.int64),
    )


def coco_rules(
    annotations: Annotations, sizes: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which boxes ``CocoDataset.get_ann_info`` keeps, and which it ignores, bool [boxes] each: crowds are ignored;
    boxes that are marked so, outside of the image, of less than a pixel, without area, or of classes that are not used,
    are left out.

    Args:
        annotations: Of all samples.
        sizes: Height and width of each sample, int64 [samples, 2].
        labels: Of each box in training, -1 where its class is not used.
    """
    left, top, width, height = annotations.boxes.T
    image_height, image_width = np.repeat(sizes, np.diff(annotations.offsets), axis=0).T
    inside = np.maximum(0, np.minimum(left + width, image_width) - np.maximum(left, 0)) * np.maximum(
        0, np.minimum(top + height, image_height) - np.maximum(top, 0)
    )
    used = (inside > 0) & (annotations.areas > 0) & (width >= 1) & (height >= 1) & (labels >= 0)
    used &= ~annotations.ignored
    return used & ~annotations.crowds, used & annotations.crowds


def voc_rules(
    annotations: Annotations, labels: npt.NDArray[np.int64], min_size: float | None
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which boxes ``VOCDataset.get_ann_info`` keeps, and which it ignores, bool [boxes] each: difficult ones are
    ignored, and those narrower or lower than ``min_size``; those of classes that are not used are left out. Crowds,
    and boxes that COCO's training leaves out, which Pascal VOC does not have, are ignored as well.
    """
    used = labels >= 0
    ignored = annotations.difficult | annotations.crowds | annotations.ignored
    if min_size:
        ignored = ignored | (annotations.boxes[:, 2:] < min_size).any(axis=1)
    return used & ~ignored, used & ignored


def corners_of(boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Left, top, right, bottom of boxes [n, 4] of left, top, width, height."""
    return np.concatenate((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), axis=1, dtype=np.float32, casting="same_kind")


def annotation_table(
    annotations: Annotations,
    indices: npt.NDArray[np.int64],
    flags: npt.NDArray[np.uint8],
    rules: BoxRules,
    corners_of: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float32]] = corners_of,
) -> AnnotationTable:
    """What ``get_ann_info`` gives of each item.

    Args:
        annotations: Of all samples.
        indices: Which sample each item is, int64 [items].
        flags: Group of each item, uint8 [items].
        rules: What becomes of each box.
        corners_of: Makes left, top, right, bottom of left, top, width, height: frameworks round differently.
    """
    rows, item_of = _rows_of_items(annotations.offsets, indices)
    corners = corners_of(annotations.boxes[rows])
    labels, kept, ignored = (values[rows] for values in rules)
    return AnnotationTable(
        indices=indices,
        flags=flags,
        offsets=_offsets(item_of[kept], len(indices)),
        boxes=corners[kept],
        labels=labels[kept],
        mask_rows=(rows - annotations.offsets[indices[item_of]])[kept],
        ignored_offsets=_offsets(item_of[ignored], len(indices)),
        ignored=corners[ignored],
        mask_counts=np.diff(annotations.offsets)[indices],
    )


def flagged_table(
    annotations: Annotations,
    indices: npt.NDArray[np.int64],
    flags: npt.NDArray[np.uint8],
    rules: BoxRules,
) -> AnnotationTable:
    """As :func:`annotation_table`; boxes that are ignored stand among the others in the order of the dataset, as in
    MMDetection 3, with a flag for each.
    """
    used = rules.kept | rules.ignored
    rows, _ = _rows_of_items(annotations.offsets, indices)
    table = annotation_table(annotations, indices, flags, rules._replace(kept=used, ignored=np.zeros_like(used)))
    return dataclasses.replace(table, ignore_flags=rules.ignored[rows][used[rows]].astype(np.uint8))


def gathered_table(
    tables: Sequence[AnnotationTable],
    table_of: npt.NDArray[np.int64],
    item_of: npt.NDArray[np.int64],
    flags: npt.NDArray[np.uint8],
) -> AnnotationTable:
    """Items of several tables, in any order and any number of times, as one; their indices are 0, 1, 2, ...

    Args:
        tables: The tables; all with annotations, or none.
        table_of: int64 [items]: of which table each item is.
        item_of: int64 [items]: which item of that table it is.
        flags: uint8 [items]: the group of each.
    """
    indices = np.arange(len(table_of), dtype=np.int64)
    if not len(tables[0].offsets):
        return dataclasses.replace(empty_table(indices), flags=flags)
    items = np.cumsum([0, *(len(table.indices) for table in tables)])[table_of] + item_of
    rows, row_of = _rows_of_items(_joined_offsets([table.offsets for table in tables]), items)
    ignored, ignored_of = _rows_of_items(_joined_offsets([table.ignored_offsets for table in tables]), items)
    return AnnotationTable(
        indices=indices,
        flags=flags,
        offsets=_offsets(row_of, len(items)),
        boxes=np.concatenate([table.boxes for table in tables])[rows],
        labels=np.concatenate([table.labels for table in tables])[rows],
        mask_rows=np.concatenate([table.mask_rows for table in tables])[rows],
        ignored_offsets=_offsets(ignored_of, len(items)),
        ignored=np.concatenate([table.ignored for table in tables])[ignored],
        mask_counts=np.concatenate([table.mask_counts for table in tables])[items],
        ignore_flags=_of_rows(np.concatenate([table.ignore_flags for table in tables]), rows),
    )


def _of_rows(flags: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Flags of some boxes; none where the tables have none."""
    return flags[rows] if len(flags) else flags


def _joined_offsets(offsets: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """Offsets into arrays that are put one after the other."""
    counts = np.concatenate([np.diff(one) for one in offsets])
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int64)


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
