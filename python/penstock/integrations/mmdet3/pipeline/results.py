"""MMDetection 3's dict of one sample, and the one that penstock's steps work on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from mmdet.structures.bbox import BaseBoxes, HorizontalBoxes

from penstock.detection.reference import Results
from penstock.detection.steps import LoadAnnotations

__all__ = ["annotations_of", "incoming", "outgoing"]

#: The lists of keys that the steps go by, which MMDetection 3 does not have: the keys are always these.
_FIELDS = {
    "img_fields": ("img",),
    "bbox_fields": ("gt_bboxes",),
    "mask_fields": ("gt_masks",),
    "seg_fields": ("gt_seg_map",),
}
_SHAPES = ("img_shape", "ori_shape")


def incoming(results: Any) -> Any:
    """What the steps work on, of MMDetection 3's results; both may share arrays. What its pipelines end with (a dict of
    "inputs"), and None, stay as they are.
    """
    if not isinstance(results, dict) or "inputs" in results:
        return results
    own = {key: value for key, value in results.items() if key != "mix_results"}
    if isinstance(own.get("gt_bboxes"), BaseBoxes):
        own["gt_bboxes"] = own["gt_bboxes"].tensor.numpy()
    if "gt_bboxes_labels" in own:
        own["gt_labels"] = own.pop("gt_bboxes_labels")
    return own | {fields: [key for key in keys if own.get(key) is not None] for fields, keys in _FIELDS.items()}


def outgoing(results: Any) -> Any:
    """The reverse of :func:`incoming`; boxes are copied, since MMDetection 3 changes them in place."""
    if not isinstance(results, dict) or "inputs" in results:
        return results
    own = {key: value for key, value in results.items() if key not in _FIELDS}
    own |= {key: tuple(own[key][:2]) for key in _SHAPES if key in own}
    if isinstance(own.get("gt_bboxes"), np.ndarray):
        own["gt_bboxes"] = HorizontalBoxes(own["gt_bboxes"])
    if "gt_labels" in own:
        own["gt_bboxes_labels"] = own.pop("gt_labels")
    return own


def annotations_of(results: Results, step: LoadAnnotations) -> Mapping[str, Any]:
    """What MMDetection 3's LoadAnnotations loads; see :attr:`Wrappers.annotations`. Objects whose mask it cannot use
    are ignored, with a mask of no size in the corner.
    """
    instances = results.get("instances", [])
    flags = np.array([one["ignore_flag"] for one in instances], dtype=bool)
    found: dict[str, Any] = {
        "size": tuple(results["ori_shape"][:2]),
        "bboxes": np.array([one["bbox"] for one in instances], dtype=np.float32).reshape(-1, 4),
        "ignore_flags": flags,
    }
    if step.with_label:
        found["labels"] = np.array([one["bbox_label"] for one in instances], dtype=np.int64)
    if step.with_mask:
        sound = [_sound_mask(one["mask"], step.poly2mask) for one in instances]
        found["masks"] = [[np.zeros(6)] if mask is None else mask for mask in sound]
        found["ignore_flags"] = flags | np.array([mask is None for mask in sound], dtype=bool)
    return found


def _sound_mask(mask: Any, poly2mask: bool) -> list[npt.NDArray[Any]] | dict[str, Any] | None:
    """The mask of an object as far as it can be used: polygons of at least three points, or run lengths; else None."""
    if isinstance(mask, list):
        polygons = [np.array(polygon) for polygon in mask if len(polygon) % 2 == 0 and len(polygon) >= 6]
        return polygons or None
    if not poly2mask:
        return None
    whole = isinstance(mask, dict) and mask.get("size") is not None and isinstance(mask.get("counts"), (list, str))
    # Bytes are what pycocotools gives, and what COCO's own files become once they are read.
    return mask if whole or (isinstance(mask, dict) and isinstance(mask.get("counts"), bytes)) else None
