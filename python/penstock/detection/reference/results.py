"""What a step takes and gives: MMDetection's dict of one sample, and what is done to more than one of its fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from penstock.detection.steps import LoadAnnotations
from penstock.errors import TransformError
from penstock.loading.native.part import NativeMasks

__all__ = ["MASKS_OF", "ROWS_OF", "Array", "Results", "Wrappers", "boxes_around", "boxes_around_bitmaps", "boxes_of"]
__all__ += ["images_of", "inside", "keep_rows", "masks_of", "refuse", "segmentations_of", "worth_keeping"]

#: ``img``, ``img_shape``, ``gt_bboxes`` and so on, by the names and types that MMDetection 2 has for them. Masks are
#: objects with MMDetection's methods (``BitmapMasks`` or ``PolygonMasks``); no step needs to know which.
Results = dict[str, Any]
Array = npt.NDArray[Any]

#: What has an entry for each box. MMDetection 2 keeps boxes that are ignored by themselves; in MMDetection 3 they are
#: among the others, and ``gt_ignore_flags``, bool [n], says which they are.
ROWS_OF = {"gt_bboxes": ("gt_labels", "gt_ignore_flags"), "gt_bboxes_ignore": ("gt_labels_ignore",)}
MASKS_OF = {"gt_bboxes": "gt_masks", "gt_bboxes_ignore": "gt_masks_ignore"}


def _as_they_are(results: Any) -> Any:
    return results


def _annotations(results: Results, step: LoadAnnotations) -> Mapping[str, Any]:
    info = results.get("img_info", {})
    return {"size": (info.get("height"), info.get("width")), **results["ann_info"]}


@dataclass(frozen=True)
class Wrappers:
    """The classes of the framework whose objects the steps put into the results, called as MMDetection's, and how the
    framework's own transforms take the results.

    Attributes:
        bitmap_masks: (arrays (h, w) or one (n, h, w), height, width).
        polygon_masks: (a list of arrays for each object, height, width).
        annotations: What LoadAnnotations loads: "bboxes", float32 [n, 4]; "labels", int64 [n]; "masks", each a list of
            polygons or COCO's run lengths; "size", (height, width) of the masks; and, where the framework has them,
            "bboxes_ignore", float32 [m, 4], or "ignore_flags", bool [n].
        outgoing: Makes the framework's own results of those that the steps work on; both may share arrays.
        incoming: The reverse. What is none, such as the end of a pipeline, stays as it is.
        ignored_among: Boxes that are ignored stand among the others, with ``gt_ignore_flags``; else by themselves.
    """

    bitmap_masks: Callable[..., Any]
    polygon_masks: Callable[..., Any]
    annotations: Callable[[Results, LoadAnnotations], Mapping[str, Any]] = _annotations
    outgoing: Callable[[Any], Any] = _as_they_are
    incoming: Callable[[Any], Any] = _as_they_are
    ignored_among: bool = False

    def mask_objects(self, masks: NativeMasks) -> Any:
        """The framework's object of a sample's masks."""
        if masks.bitmaps is not None:
            return self.bitmap_masks(masks.bitmaps, masks.height, masks.width)
        return self.polygon_masks(masks.polygons, masks.height, masks.width)


def refuse(step: object, cause: str) -> NoReturn:
    """Raises TransformError where MMDetection would fail too."""
    raise TransformError(f"{type(step).__name__}: {cause}")


def images_of(results: Results) -> Iterator[str]:
    """Keys of the images."""
    yield from results.get("img_fields", ["img"])


def boxes_of(results: Results) -> Iterator[str]:
    """Keys of the boxes, ignored ones included."""
    yield from results.get("bbox_fields", [])


def masks_of(results: Results) -> Iterator[str]:
    """Keys of the masks."""
    yield from results.get("mask_fields", [])


def segmentations_of(results: Results) -> Iterator[str]:
    """Keys of the semantic maps, which only Python steps load."""
    yield from results.get("seg_fields", [])


def keep_rows(results: Results, boxes: str, kept: Array) -> None:
    """Keeps of the boxes of a key, and of what has an entry for each of them but masks, those in ``kept`` (bool [n], or
    numbers)."""
    for key in (boxes, *ROWS_OF.get(boxes, ())):
        if key in results:
            results[key] = results[key][kept]


def boxes_around(masks: Any) -> Array:
    """float32 [n, 4] around masks: bitmaps or polygons."""
    if isinstance(masks.masks, np.ndarray):
        return boxes_around_bitmaps(masks.masks)
    boxes = np.zeros((len(masks.masks), 4), dtype=np.float32)
    # As far as MMDetection looks for the least coordinate.
    boxes[:, :2] = 2 * masks.width, 2 * masks.height
    for box, polygons in zip(boxes, masks.masks, strict=True):
        for polygon in polygons:
            points = np.asarray(polygon).reshape(-1, 2).astype(np.float32)
            box[:2] = np.minimum(box[:2], points.min(axis=0))
            box[2:] = np.maximum(box[2:], points.max(axis=0))
    return boxes


def boxes_around_bitmaps(bitmaps: Array) -> Array:
    """float32 [n, 4] around uint8 [n, h, w]; zeros around a mask without pixels."""
    boxes = np.zeros((len(bitmaps), 4), dtype=np.float32)
    for box, mask in zip(boxes, bitmaps, strict=True):
        columns, rows = mask.any(axis=0).nonzero()[0], mask.any(axis=1).nonzero()[0]
        if len(columns):
            box[:] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return boxes


def inside(boxes: Array, height: int, width: int) -> Array:
    """bool [n]: a part of the box lies inside of the image."""
    kept: Array = (boxes[:, 0] < width) & (boxes[:, 2] > 0) & (boxes[:, 1] < height) & (boxes[:, 3] > 0)
    return kept


def worth_keeping(
    before: Array, after: Array, *, min_bbox_size: float, min_area_ratio: float, max_aspect_ratio: float
) -> Array:
    """bool [n]: of a box that was moved and cut, enough is left and it is not too narrow."""
    old_area = (before[:, 2] - before[:, 0]) * (before[:, 3] - before[:, 1])
    width, height = after[:, 2] - after[:, 0], after[:, 3] - after[:, 1]
    aspect = np.maximum(width / (height + 1e-16), height / (width + 1e-16))
    kept: Array = (
        (width > min_bbox_size)
        & (height > min_bbox_size)
        & (width * height / (old_area + 1e-16) > min_area_ratio)
        & (aspect < max_aspect_ratio)
    )
    return kept
