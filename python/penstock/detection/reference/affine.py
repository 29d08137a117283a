"""RandomAffine."""

from __future__ import annotations

import math

import numpy as np

from penstock.detection.reference.opencv import opencv
from penstock.detection.reference.results import Array, Results, boxes_of, inside, keep_rows, refuse, worth_keeping
from penstock.detection.steps import RandomAffine
from penstock.loading.draws import Draws

__all__ = ["apply"]


def apply(step: RandomAffine, results: Results, draws: Draws) -> Results:
    """Rotates, scales, shears and moves the image and its boxes; there is no such thing for masks."""
    image = results["img"]
    # A negative border may leave no pixels: OpenCV then keeps the image's own size, and the boxes lie outside.
    height, width = image.shape[0] + step.border[0] * 2, image.shape[1] + step.border[1] * 2
    matrix, ratio = _draw_matrix(step, height, width, draws)
    warped = opencv().warpPerspective(image, matrix, dsize=(width, height), borderValue=step.border_val)
    results["img"] = warped
    results["img_shape"] = warped.shape
    for key in boxes_of(results):
        boxes = results[key]
        if len(boxes) == 0:
            continue
        if "gt_masks" in results:
            refuse(step, "masks cannot be warped, only boxes")
        moved = _warped_boxes(boxes, matrix)
        if step.bbox_clip_border:
            moved[:, 0::2] = moved[:, 0::2].clip(0, width)
            moved[:, 1::2] = moved[:, 1::2].clip(0, height)
        kept = inside(moved, height, width)
        if not step.skip_filter:
            kept &= worth_keeping(
                boxes * ratio,
                moved,
                min_bbox_size=step.min_bbox_size,
                min_area_ratio=step.min_area_ratio,
                max_aspect_ratio=step.max_aspect_ratio,
            )
        results[key] = moved
        keep_rows(results, key, kept)
    return results


def _draw_matrix(step: RandomAffine, height: int, width: int, draws: Draws) -> tuple[Array, float]:
    """float32 (3, 3), and the ratio of scaling in it."""
    angle = math.radians(_symmetric(draws, step.max_rotate_degree))
    cosine, sine = np.cos(angle), np.sin(angle)
    rotation = _matrix([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    ratio = draws.uniform(*step.scaling_ratio_range)
    scaling = _matrix([[ratio, 0, 0], [0, ratio, 0], [0, 0, 1]])
    x_shear = math.radians(_symmetric(draws, step.max_shear_degree))
    y_shear = math.radians(_symmetric(draws, step.max_shear_degree))
    shear = _matrix([[1, np.tan(x_shear), 0], [np.tan(y_shear), 1, 0], [0, 0, 1]])
    x = _symmetric(draws, step.max_translate_ratio) * width
    y = _symmetric(draws, step.max_translate_ratio) * height
    translation = _matrix([[1, 0, x], [0, 1, y], [0, 0, 1]])
    return translation @ shear @ rotation @ scaling, ratio


def _symmetric(draws: Draws, bound: float) -> float:
    return draws.uniform(-bound, bound)


def _matrix(rows: list[list[float]]) -> Array:
    return np.array(rows, dtype=np.float32)


def _warped_boxes(boxes: Array, matrix: Array) -> Array:
    """The upright boxes around the warped corners."""
    count = len(boxes)
    x, y = boxes[:, [0, 0, 2, 2]].reshape(-1), boxes[:, [1, 3, 3, 1]].reshape(-1)
    corners = matrix @ np.vstack([x, y, np.ones_like(x)])
    corners = (corners[:2] / corners[2]).reshape(2, count, 4)
    return np.hstack([corners.min(axis=2).T, corners.max(axis=2).T])
