"""The steps of transforms that take the same arguments in MMDetection 2 and 3.

Each function makes the step of an object of either. They raise NotNativeError for arguments that the step cannot
express.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penstock.detection import steps
from penstock.detection.steps import Step
from penstock.integrations.openmmlab.arguments import color, integer, integer_pair, not_native, number, numbers, pair

__all__ = [
    "copy_paste",
    "cut_out",
    "expand",
    "filter_annotations",
    "hsv_random_aug",
    "min_iou_random_crop",
    "photo_metric_distortion",
]


def photo_metric_distortion(transform: Any, **others: Any) -> Step:
    """``others``: fields that MMDetection's object has no argument for."""
    return steps.PhotoMetricDistortion(
        brightness_delta=number("brightness_delta", transform.brightness_delta),
        contrast_range=pair("contrast_range", (transform.contrast_lower, transform.contrast_upper)),
        saturation_range=pair("saturation_range", (transform.saturation_lower, transform.saturation_upper)),
        hue_delta=number("hue_delta", transform.hue_delta),
        **others,
    )


def expand(transform: Any, **others: Any) -> Step:
    """``others``: fields that MMDetection's object has no argument for."""
    label = transform.seg_ignore_label
    return steps.Expand(
        fill=color("mean", transform.mean),
        ratio_range=pair("ratio_range", (transform.min_ratio, transform.max_ratio)),
        prob=number("prob", transform.prob),
        seg_ignore_label=None if label is None else integer("seg_ignore_label", label),
        **others,
    )


def min_iou_random_crop(transform: Any, **others: Any) -> Step:
    """``others``: fields that MMDetection's object has no argument for."""
    least = transform.min_ious
    return steps.MinIoURandomCrop(
        min_ious=numbers("min_ious", least, len(least)),
        min_crop_size=number("min_crop_size", transform.min_crop_size),
        bbox_clip_border=bool(transform.bbox_clip_border),
        **others,
    )


def cut_out(transform: Any) -> Step:
    name = "cutout_ratio" if transform.with_ratio else "cutout_shape"
    if not transform.candidates:
        raise not_native(**{name: transform.candidates})
    to_pair: Callable[[str, Any], tuple[float, float]] = pair if transform.with_ratio else integer_pair
    return steps.CutOut(
        n_holes=integer_pair("n_holes", transform.n_holes),
        candidates=tuple(to_pair(name, candidate) for candidate in transform.candidates),
        with_ratio=transform.with_ratio,
        fill_in=color("fill_in", transform.fill_in),
    )


def hsv_random_aug(transform: Any) -> Step:
    return steps.YOLOXHSVRandomAug(
        hue_delta=number("hue_delta", transform.hue_delta),
        saturation_delta=number("saturation_delta", transform.saturation_delta),
        value_delta=number("value_delta", transform.value_delta),
    )


def copy_paste(transform: Any) -> Step:
    return steps.CopyPaste(
        max_num_pasted=integer("max_num_pasted", transform.max_num_pasted),
        bbox_occluded_thr=number("bbox_occluded_thr", transform.bbox_occluded_thr),
        mask_occluded_thr=number("mask_occluded_thr", transform.mask_occluded_thr),
        selected=bool(transform.selected),
    )


def filter_annotations(transform: Any) -> Step:
    return steps.FilterAnnotations(
        min_gt_bbox_wh=pair("min_gt_bbox_wh", transform.min_gt_bbox_wh),
        min_gt_mask_area=integer("min_gt_mask_area", transform.min_gt_mask_area),
        by_box=bool(transform.by_box),
        by_mask=bool(transform.by_mask),
        keep_empty=bool(transform.keep_empty),
    )
