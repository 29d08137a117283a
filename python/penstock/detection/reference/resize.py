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
        boxes = results[key] * results["scale_factor"]
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
        results["img_shape"] = results["pad_shape"] = results[key].shape
        x, y = size[0] / width, size[1] / height
        results["scale_factor"] = np.array([x, y, x, y], dtype=np.float32)
        results["keep_ratio"] = step.keep_ratio


def _decide_scale(step: Resize, results: Results, draws: Draws) -> None:
    if "scale" not in results:
        if "scale_factor" not in results:
            results["scale"], results["scale_idx"] = _draw_scale(step, draws)
            return
        factor = results["scale_factor"]
        if not isinstance(factor, float):
            refuse(step, f"scale_factor is not a number but {factor!r}: the image was resized before")
        height, width = results["img"].shape[:2]
        results["scale"] = (int(width * factor), int(height * factor))
    elif step.override:
        results.pop("scale_factor", None)
        results["scale"], results["scale_idx"] = _draw_scale(step, draws)
    elif "scale_factor" in results:
        refuse(step, "scale and scale_factor cannot be both set: the image was resized before, and override=False")


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
    if len(scales) == 1:
        return scales[0], 0
    if step.multiscale_mode == "value":
        index = draws.randint(0, len(scales))
        return scales[index], index
    if len(scales) != 2:
        refuse(step, f"multiscale_mode='range' needs two scales, not {len(scales)}")
    longs, shorts = [max(scale) for scale in scales], [min(scale) for scale in scales]
    long_edge = draws.randint(min(longs), max(longs) + 1)
    return (long_edge, draws.randint(min(shorts), max(shorts) + 1)), None
