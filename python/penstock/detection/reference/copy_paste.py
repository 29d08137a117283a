"""CopyPaste."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock.detection.reference.results import Array, Results, boxes_around_bitmaps, refuse
from penstock.detection.steps import CopyPaste
from penstock.loading.draws import Draws

__all__ = ["apply"]


def apply(step: CopyPaste, results: Results, draws: Draws, partners: Sequence[Results]) -> Results:
    """Objects of another image of the same size, pasted over this one.

    Where one of the two has no masks its boxes serve as masks, and the result has none. The image keeps its element
    type; MMDetection's becomes int64, with the same values.
    """
    (partner,) = partners
    with_masks = results.get("gt_masks") is not None and partner.get("gt_masks") is not None
    own_masks, other_masks = _masks_of(results), _masks_of(partner)
    keys = ["gt_labels", *(["gt_ignore_flags"] if "gt_ignore_flags" in partner else [])]
    boxes, rows = partner["gt_bboxes"], {key: partner[key] for key in keys}
    if step.selected:
        chosen = np.array(_choose(step, len(boxes), draws), dtype=np.intp)
        boxes, other_masks = boxes[chosen], other_masks[chosen]
        rows = {key: values[chosen] for key, values in rows.items()}
    # MMDetection looks them up whatever is pasted.
    own_rows = {key: results[key] for key in rows}
    if len(boxes) == 0:
        if not with_masks:
            results.pop("gt_masks", None)
        return results
    if with_masks and not all(isinstance(part["gt_masks"].masks, np.ndarray) for part in (results, partner)):
        refuse(step, "masks have to be bitmaps (LoadAnnotations with poly2mask=True), not polygons")
    masks, pasted = _pixels_of(own_masks), _pixels_of(other_masks)
    covered = pasted.any(axis=0)
    if masks.shape[1:] != covered.shape:
        refuse(step, f"masks of {masks.shape[1:]} and {covered.shape} (height, width) cannot be joined")
    masks = np.where(covered, 0, masks).astype(masks.dtype)
    left_over = boxes_around_bitmaps(masks)
    near = (np.abs(left_over - results["gt_bboxes"]) <= step.bbox_occluded_thr).all(axis=-1)
    kept = near | (masks.sum(axis=(1, 2)) > step.mask_occluded_thr)
    where = covered if results["img"].ndim == 2 else covered[..., np.newaxis]
    results["img"] = np.where(where, partner["img"], results["img"])
    results["gt_bboxes"] = np.concatenate([left_over[kept], boxes])
    results |= {key: np.concatenate([own_rows[key][kept], values]) for key, values in rows.items()}
    if with_masks:
        joined = np.concatenate([masks[kept], pasted])
        results["gt_masks"] = type(results["gt_masks"])(joined, *joined.shape[1:])
    else:
        results.pop("gt_masks", None)
    return results


def _choose(step: CopyPaste, count: int, draws: Draws) -> list[int]:
    """Which of ``count`` objects are pasted; perhaps none."""
    most = min(count + 1, step.max_num_pasted)
    if most < 1:
        refuse(step, f"max_num_pasted={step.max_num_pasted} leaves nothing to draw")
    number = draws.randint(0, most)
    return draws.permutation(count)[:number]


def _pixels_of(masks: Any) -> Array:
    """uint8 [n, h, w] of bitmaps."""
    return masks if isinstance(masks, np.ndarray) else np.asarray(masks.masks)


def _masks_of(results: Results) -> Any:
    """The sample's masks; where it has none, uint8 [n, h, w] of its boxes."""
    masks = results.get("gt_masks")
    if masks is not None:
        return masks
    boxes = results["gt_bboxes"]
    height, width = results["img"].shape[:2]
    drawn = np.zeros((len(boxes), height, width), dtype=np.uint8)
    for mask, (left, top, right, bottom) in zip(drawn, boxes, strict=True):
        mask[int(top) : int(bottom), int(left) : int(right)] = 1
    return drawn
