"""What a step takes and gives: MMDetection's dict of one sample, and what is done to more than one of its fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from penstock.errors import TransformError
from penstock.loading.native.part import NativeMasks

__all__ = ["LABELS_OF", "MASKS_OF", "Array", "Results", "Wrappers", "boxes_of", "images_of", "inside", "masks_of"]
__all__ += ["refuse", "segmentations_of", "worth_keeping"]

#: ``img``, ``img_shape``, ``gt_bboxes`` and so on. Masks are objects with MMDetection's methods (``BitmapMasks`` or
#: ``PolygonMasks``); no step needs to know which.
Results = dict[str, Any]
Array = npt.NDArray[Any]

LABELS_OF = {"gt_bboxes": "gt_labels", "gt_bboxes_ignore": "gt_labels_ignore"}
MASKS_OF = {"gt_bboxes": "gt_masks", "gt_bboxes_ignore": "gt_masks_ignore"}


@dataclass(frozen=True)
class Wrappers:
    """The classes of the framework whose objects the steps put into the results, called as MMDetection's.

    Attributes:
        bitmap_masks: (arrays (h, w) or one (n, h, w), height, width).
        polygon_masks: (a list of arrays for each object, height, width).
    """

    bitmap_masks: Callable[..., Any]
    polygon_masks: Callable[..., Any]

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
