"""RandomFlip."""

from __future__ import annotations

import numpy as np

from penstock.detection.reference.results import Array, Results, boxes_of, images_of, masks_of, refuse, segmentations_of
from penstock.detection.steps import RandomFlip
from penstock.loading.draws import Draws

__all__ = ["apply", "drawn_direction", "flipped_boxes"]

_AXES = {"horizontal": (1,), "vertical": (0,), "diagonal": (0, 1)}


def apply(step: RandomFlip, results: Results, draws: Draws) -> Results:
    """Flips in a drawn direction, or as ``flip`` and ``flip_direction`` say where they are set."""
    if step.redraws or "flip" not in results:
        direction = drawn_direction(step, draws)
        results["flip"] = direction is not None
        if step.redraws:
            results["flip_direction"] = direction
        else:
            results.setdefault("flip_direction", direction)
    elif "flip_direction" not in results:
        refuse(step, "'flip' is set and 'flip_direction' is not")
    if not results["flip"]:
        return results
    direction = results["flip_direction"]
    if direction not in _AXES:
        refuse(step, f"there is no direction {direction!r}")
    for key in (*images_of(results), *segmentations_of(results)):
        # Copied: OpenCV cannot write into a view, which lets the next step fail with MMDetection.
        results[key] = np.ascontiguousarray(np.flip(results[key], axis=_AXES[direction]))
    for key in boxes_of(results):
        results[key] = flipped_boxes(results[key], results["img_shape"], direction)
    for key in masks_of(results):
        results[key] = results[key].flip(direction)
    return results


def flipped_boxes(boxes: Array, shape: tuple[int, ...], direction: str) -> Array:
    """The boxes in a flipped image of ``shape`` (h, w, ...)."""
    flipped = boxes.copy()
    for axis in _AXES[direction]:
        low, high = (1, 3) if axis == 0 else (0, 2)
        flipped[..., low] = shape[axis] - boxes[..., high]
        flipped[..., high] = shape[axis] - boxes[..., low]
    return flipped


def drawn_direction(step: RandomFlip, draws: Draws) -> str | None:
    """The direction in which the step flips; None: it does not."""
    if step.directions is None or step.ratios is None:
        refuse(step, "there is no flip_ratio, and no MultiScaleFlipAug around it")
    return (*step.directions, None)[draws.weighted(step.ratios)]
