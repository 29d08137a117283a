"""Resize."""

from __future__ import annotations

import numpy as np

from penstock.detection.reference import opencv
from penstock.detection.reference.results import Results, boxes_of, images_of, masks_of, refuse, segmentations_of
from penstock.detection.steps import Resize
from penstock.loading.draws import Draws

__all__ = ["apply"]


def apply(step: Resize, results: Results, draws: Draws) -> Results:
    """Resizes to ``scale`` (width, height), which is drawn unless MultiScaleFlipAug has set it."""
    _decide_scale(step, results, draws)
    _resize_images(step, results)
    for key in boxes_of(results):
        boxes = results[key] * np.resize(np.asarray(results["scale_factor"], dtype=np.float32), 4)
        if step.bbox_clip_border:
            height, width = results["img_shape"][:2]
            boxes[:, 0::2] = np.clip(boxes[:, 0::2], 0, width)
            boxes[:, 1::2] = np.clip(boxes[:, 1::2], 0, height)
        results[key] = boxes
    for key in masks_of(results):
        if results[key] is None:
            continue
        if step.keep_ratio:
            results[key] = results[key].rescale(results["scale"])
        else:
            results[key] = results[key].resize(results["img_shape"][:2])
    for key in segmentations_of(results):
        size = _size_for(step, results[key].shape, results["scale"])
        results[key] = opencv.resize(step, results[key], size, nearest=True)
    return results


def _size_for(step: Resize, shape: tuple[int, ...], scale: tuple[int, int]) -> tuple[int, int]:
    """(width, height)."""
    return opencv.rescaled_size((shape[1], shape[0]), scale) if step.keep_ratio else scale


def _resize_images(step: Resize, results: Results) -> None:
    for key in images_of(results):
        image = results[key]
        height, width = image.shape[:2]
        size = _size_for(step, image.shape, results["scale"])
        results[key] = opencv.resize(step, image, size, nearest=step.interpolation == "nearest")
        results["img_shape"] = results[key].shape
        x, y = size[0] / width, size[1] / height
        results["scale_factor"] = (x, y)
        if step.noted_scale == "four":
            results["pad_shape"] = results["img_shape"]
            results["scale_factor"] = np.array([x, y, x, y], dtype=np.float32)
        results["keep_ratio"] = step.keep_ratio


def _decide_scale(step: Resize, results: Results, draws: Draws) -> None:
    if "scale" not in results:
        if "scale_factor" not in results:
            _set_scale(step, results, draws)
            return
        factor = results["scale_factor"]
        if not isinstance(factor, float):
            refuse(step, f"scale_factor is not a number but {factor!r}: the image was resized before")
        height, width = results["img"].shape[:2]
        results["scale"] = (int(width * factor), int(height * factor))
    elif step.override:
        results.pop("scale_factor", None)
        _set_scale(step, results, draws)
    elif "scale_factor" in results:
        refuse(step, "scale and scale_factor cannot be both set: the image was resized before, and override=False")


def _set_scale(step: Resize, results: Results, draws: Draws) -> None:
    if step.img_scale is None and step.scale_factor is not None:
        height, width = results["img"].shape[:2]
        along_width, along_height = step.scale_factor
        results["scale"] = (int(width * along_width + 0.5), int(height * along_height + 0.5))
        return
    results["scale"], index = _draw_scale(step, draws)
    if step.noted_scale == "four" or step.multiscale_mode == "value":
        results["scale_idx"] = index


def _draw_scale(step: Resize, draws: Draws) -> tuple[tuple[int, int], int | None]:
    """A scale, and which of several it is."""
    scales = step.img_scale
    if scales is None:
        refuse(step, "there is no img_scale, and no MultiScaleFlipAug around it")
    if step.ratio_range is not None:
        low, high = step.ratio_range
        if low > high:
            refuse(step, f"ratio_range={step.ratio_range} is empty")
        ratio = draws.uniform(low, high)
        return (int(scales[0][0] * ratio), int(scales[0][1] * ratio)), None
    if len(scales) == 1 and step.multiscale_mode == "range":
        return scales[0], 0
    if step.multiscale_mode == "value":
        index = draws.randint(0, len(scales))
        return scales[index], index
    if len(scales) != 2:
        refuse(step, f"multiscale_mode='range' needs two scales, not {len(scales)}")
    if step.range_of == "edges":
        scales = tuple((max(scale), min(scale)) for scale in scales)
    firsts, seconds = zip(*scales, strict=True)
    first = draws.randint(min(firsts), max(firsts) + 1)
    return (first, draws.randint(min(seconds), max(seconds) + 1)), None
