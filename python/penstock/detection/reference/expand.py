"""Expand."""

from __future__ import annotations

import numpy as np

from penstock.detection.reference.results import Array, Results, boxes_of, masks_of, refuse, segmentations_of
from penstock.detection.steps import Expand
from penstock.loading.draws import Draws

__all__ = ["apply"]


def apply(step: Expand, results: Results, draws: Draws) -> Results:
    """Places the image somewhere on a larger canvas."""
    if draws.uniform(0, 1) > step.prob:
        return results
    if results.get("img_fields", ["img"]) != ["img"]:
        refuse(step, f"takes one image alone, not {results['img_fields']}")
    image = results["img"]
    if image.ndim != 3:
        refuse(step, f"an image of shape {image.shape} has no channels")
    height, width, channels = image.shape
    ratio = draws.uniform(*step.ratio_range)
    extent = (int(height * ratio), int(width * ratio))
    left = int(draws.uniform(0, width * ratio - width))
    top = int(draws.uniform(0, height * ratio - height))
    canvas = np.full((*extent, channels), step.fill, dtype=image.dtype)
    results["img"] = _placed(canvas, image, left, top)
    if step.grows_img_shape:
        results["img_shape"] = canvas.shape
    for key in boxes_of(results):
        results[key] = results[key] + np.array([left, top] * 2, dtype=results[key].dtype)
    for key in masks_of(results):
        results[key] = results[key].expand(*extent, top, left)
    for key in segmentations_of(results):
        canvas = np.full(extent, step.seg_ignore_label, dtype=results[key].dtype)
        results[key] = _placed(canvas, results[key], left, top)
    return results


def _placed(canvas: Array, image: Array, left: int, top: int) -> Array:
    canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
    return canvas
