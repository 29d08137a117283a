"""For each of MMDetection's transforms the step that does the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mmdet.datasets import pipelines

from penstock.detection import steps
from penstock.detection.steps import Step
from penstock.integrations.mmdet.data.load_image import LoadImageFromDeepLake
from penstock.integrations.mmdet.pipeline.batch_forms import Collect, DefaultFormatBundle, ImageToTensor
from penstock.integrations.openmmlab.arguments import (
    color,
    fill_value,
    integer,
    integer_pair,
    is_integer,
    is_number,
    names,
    not_native,
    number,
    numbers,
    pair,
    positive_pair,
)

__all__ = ["CONVERSIONS"]


def _load_image(transform: LoadImageFromDeepLake) -> Step:
    if transform.color not in ("bgr", "rgb", "gray"):
        raise not_native(color_type=transform.color_type)
    return steps.LoadImage(to_float32=bool(transform.to_float32), color=transform.color)


def _load_annotations(transform: Any) -> Step:
    if transform.with_seg:
        raise not_native(with_seg=True)
    return steps.LoadAnnotations(
        with_bbox=bool(transform.with_bbox),
        with_label=bool(transform.with_label),
        with_mask=bool(transform.with_mask),
        poly2mask=bool(transform.poly2mask),
        denorm_bbox=bool(transform.denorm_bbox),
    )


def _resize(transform: Any) -> Step:
    if transform.backend != "cv2":
        raise not_native(backend=transform.backend)
    if transform.interpolation not in ("bilinear", "nearest"):
        raise not_native(interpolation=transform.interpolation)
    scales = transform.img_scale
    ratios = transform.ratio_range
    return steps.Resize(
        img_scale=None if scales is None else tuple(integer_pair("img_scale", scale) for scale in scales),
        multiscale_mode=transform.multiscale_mode,
        ratio_range=None if ratios is None else pair("ratio_range", ratios),
        keep_ratio=bool(transform.keep_ratio),
        bbox_clip_border=bool(transform.bbox_clip_border),
        interpolation=transform.interpolation,
        override=bool(transform.override),
    )


def _random_flip(transform: Any) -> Step:
    ratio, direction = transform.flip_ratio, transform.direction
    if ratio is None:
        return steps.RandomFlip(directions=None, ratios=None)
    directions = tuple(direction) if isinstance(direction, list) else (direction,)
    if not directions:
        raise not_native(direction=direction)
    if not isinstance(ratio, list):
        # Summed as MMDetection sums: what is left over decides the last of the draws.
        return steps.RandomFlip(directions, (*[ratio / len(directions)] * len(directions), 1 - ratio))
    if len(ratio) != len(directions):
        raise not_native(flip_ratio=ratio, direction=direction)
    return steps.RandomFlip(directions, (*ratio, 1 - sum(ratio)))


def _random_shift(transform: Any) -> Step:
    return steps.RandomShift(
        shift_ratio=number("shift_ratio", transform.shift_ratio),
        max_shift_px=integer("max_shift_px", transform.max_shift_px),
        filter_thr_px=transform.filter_thr_px,
    )


def _pad(transform: Any) -> Step:
    value = transform.pad_val
    size, divisor = transform.size, transform.size_divisor
    if divisor is not None and integer("size_divisor", divisor) < 1:
        raise not_native(size_divisor=divisor)
    return steps.Pad(
        # MMDetection writes the size of the last sample there.
        size=None if size is None or transform.pad_to_square else integer_pair("size", size),
        size_divisor=None if divisor is None else int(divisor),
        pad_to_square=bool(transform.pad_to_square),
        img_val=fill_value("pad_val", value.get("img", 0)),
        masks_val=number("pad_val", value.get("masks", 0)),
        seg_val=number("pad_val", value.get("seg", 255)),
    )


def _normalize(transform: Any) -> Step:
    mean, std = transform.mean, transform.std
    if mean.shape != std.shape or mean.shape not in ((1,), (3,)):
        raise not_native(mean=mean.tolist(), std=std.tolist())
    return steps.Normalize(tuple(mean.tolist()), tuple(std.tolist()), bool(transform.to_rgb))


def _random_crop(transform: Any) -> Step:
    return steps.RandomCrop(
        crop_size=pair("crop_size", transform.crop_size),
        crop_type=transform.crop_type,
        allow_negative_crop=bool(transform.allow_negative_crop),
        recompute_bbox=bool(transform.recompute_bbox),
        bbox_clip_border=bool(transform.bbox_clip_border),
    )


def _photo_metric_distortion(transform: Any) -> Step:
    return steps.PhotoMetricDistortion(
        brightness_delta=number("brightness_delta", transform.brightness_delta),
        contrast_range=pair("contrast_range", (transform.contrast_lower, transform.contrast_upper)),
        saturation_range=pair("saturation_range", (transform.saturation_lower, transform.saturation_upper)),
        hue_delta=number("hue_delta", transform.hue_delta),
    )


def _expand(transform: Any) -> Step:
    label = transform.seg_ignore_label
    return steps.Expand(
        fill=color("mean", transform.mean),
        ratio_range=pair("ratio_range", (transform.min_ratio, transform.max_ratio)),
        prob=number("prob", transform.prob),
        seg_ignore_label=None if label is None else integer("seg_ignore_label", label),
    )


def _min_iou_random_crop(transform: Any) -> Step:
    least = transform.min_ious
    return steps.MinIoURandomCrop(
        min_ious=numbers("min_ious", least, len(least)),
        min_crop_size=number("min_crop_size", transform.min_crop_size),
        bbox_clip_border=bool(transform.bbox_clip_border),
    )


def _cut_out(transform: Any) -> Step:
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


def _box_filter(transform: Any) -> dict[str, float]:
    keys = ("min_bbox_size", "min_area_ratio", "max_aspect_ratio")
    return {key: number(key, getattr(transform, key)) for key in keys}


def _random_affine(transform: Any) -> Step:
    value = transform.border_val
    return steps.RandomAffine(
        max_rotate_degree=number("max_rotate_degree", transform.max_rotate_degree),
        max_translate_ratio=number("max_translate_ratio", transform.max_translate_ratio),
        scaling_ratio_range=pair("scaling_ratio_range", transform.scaling_ratio_range),
        max_shear_degree=number("max_shear_degree", transform.max_shear_degree),
        border=integer_pair("border", transform.border),
        # OpenCV takes one number for the first channel's.
        border_val=(value, 0, 0) if is_number(value) else color("border_val", value),
        bbox_clip_border=bool(transform.bbox_clip_border),
        skip_filter=bool(transform.skip_filter),
        **_box_filter(transform),
    )


def _hsv_random_aug(transform: Any) -> Step:
    return steps.YOLOXHSVRandomAug(
        hue_delta=number("hue_delta", transform.hue_delta),
        saturation_delta=number("saturation_delta", transform.saturation_delta),
        value_delta=number("value_delta", transform.value_delta),
    )


def _mosaic(transform: Any) -> Step:
    return steps.Mosaic(
        img_scale=positive_pair("img_scale", transform.img_scale),
        center_ratio_range=pair("center_ratio_range", transform.center_ratio_range),
        min_bbox_size=number("min_bbox_size", transform.min_bbox_size),
        bbox_clip_border=bool(transform.bbox_clip_border),
        skip_filter=bool(transform.skip_filter),
        pad_val=number("pad_val", transform.pad_val),
        prob=number("prob", transform.prob),
    )


def _mix_up(transform: Any) -> Step:
    value = transform.pad_val
    # With a float, 114.0 for one, MMDetection resizes the filled image in another type, and cuts what comes out.
    in_doubles = type(value) is float
    if not (is_integer(value) or (in_doubles and value.is_integer())) or not 0 <= value <= 255:
        raise not_native(pad_val=value)
    return steps.MixUp(
        img_scale=positive_pair("img_scale", transform.dynamic_scale),
        ratio_range=pair("ratio_range", transform.ratio_range),
        flip_ratio=number("flip_ratio", transform.flip_ratio),
        pad_val=float(value) if in_doubles else int(value),
        in_doubles=in_doubles,
        max_iters=integer("max_iters", transform.max_iters),
        bbox_clip_border=bool(transform.bbox_clip_border),
        skip_filter=bool(transform.skip_filter),
        **_box_filter(transform),
    )


def _copy_paste(transform: Any) -> Step:
    return steps.CopyPaste(
        max_num_pasted=integer("max_num_pasted", transform.max_num_pasted),
        bbox_occluded_thr=number("bbox_occluded_thr", transform.bbox_occluded_thr),
        mask_occluded_thr=number("mask_occluded_thr", transform.mask_occluded_thr),
        selected=bool(transform.selected),
    )


def _filter_annotations(transform: Any) -> Step:
    return steps.FilterAnnotations(
        min_gt_bbox_wh=pair("min_gt_bbox_wh", transform.min_gt_bbox_wh),
        min_gt_mask_area=integer("min_gt_mask_area", transform.min_gt_mask_area),
        by_box=bool(transform.by_box),
        by_mask=bool(transform.by_mask),
        keep_empty=bool(transform.keep_empty),
    )


def _default_format_bundle(transform: Any) -> Step:
    value = transform.pad_val
    if not isinstance(value, Mapping) or not {"img", "masks", "seg"} <= value.keys():
        raise not_native(pad_val=value)
    return DefaultFormatBundle(
        img_to_float=transform.img_to_float is True,
        img_pad_val=number("pad_val", value["img"]),
        masks_pad_val=number("pad_val", value["masks"]),
        seg_pad_val=number("pad_val", value["seg"]),
    )


#: The kind of step of each of MMDetection's classes, and what makes one of an object of exactly that class. That raises
#: NotNativeError for arguments that the step cannot express.
CONVERSIONS: dict[type, tuple[type[Step], Callable[[Any], Step]]] = {
    LoadImageFromDeepLake: (steps.LoadImage, _load_image),
    pipelines.LoadAnnotations: (steps.LoadAnnotations, _load_annotations),
    pipelines.Resize: (steps.Resize, _resize),
    pipelines.RandomFlip: (steps.RandomFlip, _random_flip),
    pipelines.RandomShift: (steps.RandomShift, _random_shift),
    pipelines.Pad: (steps.Pad, _pad),
    pipelines.Normalize: (steps.Normalize, _normalize),
    pipelines.RandomCrop: (steps.RandomCrop, _random_crop),
    pipelines.PhotoMetricDistortion: (steps.PhotoMetricDistortion, _photo_metric_distortion),
    pipelines.Expand: (steps.Expand, _expand),
    pipelines.MinIoURandomCrop: (steps.MinIoURandomCrop, _min_iou_random_crop),
    pipelines.CutOut: (steps.CutOut, _cut_out),
    pipelines.RandomAffine: (steps.RandomAffine, _random_affine),
    pipelines.YOLOXHSVRandomAug: (steps.YOLOXHSVRandomAug, _hsv_random_aug),
    pipelines.Mosaic: (steps.Mosaic, _mosaic),
    pipelines.MixUp: (steps.MixUp, _mix_up),
    pipelines.CopyPaste: (steps.CopyPaste, _copy_paste),
    pipelines.FilterAnnotations: (steps.FilterAnnotations, _filter_annotations),
    pipelines.ImageToTensor: (ImageToTensor, lambda transform: ImageToTensor(names("keys", transform.keys))),
    pipelines.DefaultFormatBundle: (DefaultFormatBundle, _default_format_bundle),
    pipelines.Collect: (
        Collect,
        lambda transform: Collect(names("keys", transform.keys), names("meta_keys", transform.meta_keys)),
    ),
}
