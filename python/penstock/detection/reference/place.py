"""Pad, RandomShift and CutOut: where pixels stay, move or go."""

from __future__ import annotations

from math import ceil

import numpy as np

from penstock.detection.reference import opencv
from penstock.detection.reference.results import (
    Array,
    Results,
    boxes_of,
    images_of,
    keep_rows,
    masks_of,
    refuse,
    segmentations_of,
)
from penstock.detection.steps import CutOut, Pad, RandomShift
from penstock.loading.draws import Draws

__all__ = ["cut_out", "pad", "random_shift"]


def pad(step: Pad, results: Results, draws: Draws) -> Results:
    """Adds pixels on the right and below; boxes stay as they are."""
    size = step.size
    for key in images_of(results):
        image = results[key]
        height, width = image.shape[:2]
        if step.pad_to_square:
            size = (max(height, width),) * 2
        wanted = size or (height, width)
        if step.size_divisor is not None:
            wanted = (_multiple(wanted[0], step.size_divisor), _multiple(wanted[1], step.size_divisor))
        results[key] = opencv.pad(image, wanted, step.img_val)
        results["pad_shape"] = results[key].shape
    if step.grows_img_shape:
        results["img_shape"] = results["pad_shape"]
        size = None if step.size is None else (step.size[1], step.size[0])
    results["pad_fixed_size"] = size
    results["pad_size_divisor"] = step.size_divisor
    padded = results["pad_shape"][:2]
    for key in masks_of(results):
        results[key] = results[key].pad(padded, pad_val=step.masks_val)
    for key in segmentations_of(results):
        results[key] = opencv.pad(results[key], padded, step.seg_val)
    return results


def _multiple(extent: int, divisor: int) -> int:
    return ceil(extent / divisor) * divisor


def random_shift(step: RandomShift, results: Results, draws: Draws) -> Results:
    """Moves image and boxes; not masks."""
    if not draws.random() < step.shift_ratio:
        return results
    height, width = results["img"].shape[:2]
    if step.max_shift_px < 1:
        refuse(step, "max_shift_px=0 leaves nothing to draw")
    x = draws.randint(-step.max_shift_px, step.max_shift_px)
    y = draws.randint(-step.max_shift_px, step.max_shift_px)
    for key in boxes_of(results):
        boxes = results[key].copy()
        boxes[..., 0::2] = np.clip(boxes[..., 0::2] + x, 0, width)
        boxes[..., 1::2] = np.clip(boxes[..., 1::2] + y, 0, height)
        kept = (boxes[..., 2] - boxes[..., 0] > step.filter_thr_px) & (
            boxes[..., 3] - boxes[..., 1] > step.filter_thr_px
        )
        if key == "gt_bboxes" and not kept.any():
            # Ignored boxes, which come first, have moved by now and the image has not: so does MMDetection.
            return results
        results[key] = boxes
        keep_rows(results, key, kept)
    for key in images_of(results):
        results[key] = _shifted(results[key], x, y)
    return results


def _shifted(image: Array, x: int, y: int) -> Array:
    shifted = np.zeros_like(image)
    height, width = image.shape[0] - abs(y), image.shape[1] - abs(x)
    top, left = max(0, y), max(0, x)
    from_top, from_left = max(0, -y), max(0, -x)
    visible = image[from_top : from_top + height, from_left : from_left + width]
    shifted[top : top + height, left : left + width] = visible
    return shifted


def cut_out(step: CutOut, results: Results, draws: Draws) -> Results:
    """Fills rectangles of the image, which may lie partly outside."""
    image = results["img"]
    if image.ndim != 3:
        refuse(step, f"an image of shape {image.shape} has no channels")
    height, width = image.shape[:2]
    # A copy: views of test-time augmentation, and the user's own steps, may share the pixels.
    image = image.copy()
    for _ in range(draws.randint(step.n_holes[0], step.n_holes[1] + 1)):
        left = draws.randint(0, width)
        top = draws.randint(0, height)
        hole_width, hole_height = draws.choice(step.candidates)
        if step.with_ratio:
            hole_width, hole_height = hole_width * width, hole_height * height
        right = min(max(left + int(hole_width), 0), width)
        bottom = min(max(top + int(hole_height), 0), height)
        image[top:bottom, left:right, :] = step.fill_in
    results["img"] = image
    return results
