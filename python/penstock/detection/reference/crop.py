"""RandomCrop and MinIoURandomCrop."""

from __future__ import annotations

import numpy as np

from penstock.detection.reference.results import (
    MASKS_OF,
    Array,
    Results,
    boxes_around,
    boxes_of,
    images_of,
    inside,
    keep_rows,
    refuse,
    segmentations_of,
)
from penstock.detection.steps import MinIoURandomCrop, RandomCrop
from penstock.loading.draws import Draws

__all__ = ["crop_size", "min_iou_random_crop", "random_crop"]

_TRIES_PER_MODE = 50


def random_crop(step: RandomCrop, results: Results, draws: Draws) -> Results | None:
    """Cuts out a part of a drawn size at a drawn place; None where no box is left and one has to be."""
    crop_height, crop_width = crop_size(step, results["img"].shape[:2], draws)
    if crop_height < 1 or crop_width < 1:
        refuse(step, f"a crop of {crop_height} x {crop_width} (height x width) has no pixels")
    left = top = 0
    for key in images_of(results):
        image = results[key]
        top = draws.randint(0, max(image.shape[0] - crop_height, 0) + 1)
        left = draws.randint(0, max(image.shape[1] - crop_width, 0) + 1)
        results[key] = image[top : top + crop_height, left : left + crop_width, ...]
        results["img_shape"] = results[key].shape
    right, bottom = left + crop_width, top + crop_height
    for key in boxes_of(results):
        boxes = results[key] - np.array([left, top, left, top], dtype=np.float32)
        if step.bbox_clip_border:
            boxes[:, 0::2] = np.clip(boxes[:, 0::2], 0, results["img_shape"][1])
            boxes[:, 1::2] = np.clip(boxes[:, 1::2], 0, results["img_shape"][0])
        kept = (
            inside(boxes, *results["img_shape"][:2])
            if step.keeps == "inside"
            else (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        )
        if key == "gt_bboxes" and not kept.any() and not step.allow_negative_crop:
            return None
        results[key] = boxes
        _keep_objects(results, key, kept, np.asarray([left, top, right, bottom]))
        if step.recompute_bbox and MASKS_OF.get(key) in results:
            results[key] = boxes_around(results[MASKS_OF[key]])
    for key in segmentations_of(results):
        results[key] = results[key][top:bottom, left:right]
    return results


def _keep_objects(results: Results, boxes: str, kept: Array, patch: Array) -> None:
    """Keeps boxes with their labels and masks, and crops the masks."""
    masks = MASKS_OF.get(boxes)
    keep_rows(results, boxes, kept)
    if masks in results:
        results[masks] = results[masks][kept.nonzero()[0]].crop(patch)


def crop_size(step: RandomCrop, size: tuple[int, int], draws: Draws) -> tuple[int, int]:
    """(height, width) of the part that the step cuts out of an image of ``size`` (height, width)."""
    height, width = size
    first, second = step.crop_size
    if step.crop_type == "absolute":
        return min(int(first), height), min(int(second), width)
    if step.crop_type == "absolute_range":
        low, high = int(first), int(second)
        if low > high:
            refuse(step, f"crop_size={step.crop_size} is an empty range")
        crop_height = draws.randint(min(height, low), min(height, high) + 1)
        return crop_height, draws.randint(min(width, low), min(width, high) + 1)
    if step.crop_type == "relative":
        return int(height * first + 0.5), int(width * second + 0.5)
    least = np.asarray(step.crop_size, dtype=np.float32)
    share = least + np.array([draws.random(), draws.random()]) * (1 - least)
    return int(height * share[0] + 0.5), int(width * share[1] + 0.5)


def min_iou_random_crop(step: MinIoURandomCrop, results: Results, draws: Draws) -> Results:
    """Cuts out a part that overlaps with each box by at least a drawn share, if need be after many tries."""
    if not results.get("bbox_fields"):
        refuse(step, "there are no boxes in the results ('bbox_fields')")
    image = results["img"]
    if image.ndim != 3:
        refuse(step, f"an image of shape {image.shape} has no channels")
    boxes = np.concatenate([results[key] for key in boxes_of(results)]).reshape(-1, 4)
    modes = (1, *step.min_ious, 0)
    while True:
        mode = draws.choice(modes)
        if mode == 1:
            return results
        for _ in range(_TRIES_PER_MODE):
            patch = _draw_patch(step, image.shape, draws)
            if patch is None:
                continue
            if len(boxes):
                if float(_overlaps(patch, boxes).min()) < mode or not _centers_inside(boxes, patch).any():
                    continue
                _crop_objects(step, results, patch)
            left, top, right, bottom = patch
            results["img"] = image[top:bottom, left:right]
            results["img_shape"] = results["img"].shape
            for key in segmentations_of(results):
                results[key] = results[key][top:bottom, left:right]
            return results


def _draw_patch(step: MinIoURandomCrop, shape: tuple[int, ...], draws: Draws) -> Array | None:
    """Left, top, right, bottom; None where this try gives none."""
    height, width = shape[:2]
    new_width = draws.uniform(step.min_crop_size * width, width)
    new_height = draws.uniform(step.min_crop_size * height, height)
    if not 0.5 <= new_height / new_width <= 2:
        return None
    # MMDetection draws with numpy's uniform(x), whose bounds are x and 1.
    left = draws.uniform(width - new_width, 1.0)
    top = draws.uniform(height - new_height, 1.0)
    patch = np.array([int(left), int(top), int(left + new_width), int(top + new_height)])
    return None if patch[2] == patch[0] or patch[3] == patch[1] else patch


def _overlaps(patch: Array, boxes: Array) -> Array:
    """Intersection over union of a patch with each box, in float32; [n]."""
    patch, boxes = patch.astype(np.float32), boxes.astype(np.float32)
    area = (patch[2] - patch[0]) * (patch[3] - patch[1])
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    width = np.minimum(patch[2], boxes[:, 2]) - np.maximum(patch[0], boxes[:, 0])
    height = np.minimum(patch[3], boxes[:, 3]) - np.maximum(patch[1], boxes[:, 1])
    overlap = np.maximum(width, 0) * np.maximum(height, 0)
    shares: Array = overlap / np.maximum(area + areas - overlap, 1e-6)
    return shares


def _centers_inside(boxes: Array, patch: Array) -> Array:
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    kept: Array = ((centers > patch[:2]) & (centers < patch[2:])).all(axis=1)
    return kept


def _crop_objects(step: MinIoURandomCrop, results: Results, patch: Array) -> None:
    for key in boxes_of(results):
        kept = _centers_inside(results[key], patch)
        _keep_objects(results, key, kept, patch)
        boxes = results[key]
        if step.bbox_clip_border:
            boxes[:, 2:] = boxes[:, 2:].clip(max=patch[2:])
            boxes[:, :2] = boxes[:, :2].clip(min=patch[:2])
        boxes -= np.tile(patch[:2], 2)
        results[key] = boxes
