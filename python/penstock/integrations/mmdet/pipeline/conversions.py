"""For each of MMDetection's transforms the step that does the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mmdet.datasets import pipelines

from penstock.detection import steps
from penstock.detection.steps import Step
from penstock.integrations.mmdet.data.load_image import LoadImageFromDeepLake
from penstock.integrations.mmdet.pipeline.batch_forms import Collect, DefaultFormatBundle, ImageToTensor
from penstock.integrations.openmmlab import conversions as shared
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


def _box_filter(transform: Any) -> dict[str, Any]:
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
    pipelines.PhotoMetricDistortion: (steps.PhotoMetricDistortion, shared.photo_metric_distortion),
    pipelines.Expand: (steps.Expand, shared.expand),
    pipelines.MinIoURandomCrop: (steps.MinIoURandomCrop, shared.min_iou_random_crop),
    pipelines.CutOut: (steps.CutOut, shared.cut_out),
    pipelines.RandomAffine: (steps.RandomAffine, _random_affine),
    pipelines.YOLOXHSVRandomAug: (steps.YOLOXHSVRandomAug, shared.hsv_random_aug),
    pipelines.Mosaic: (steps.Mosaic, _mosaic),
    pipelines.MixUp: (steps.MixUp, _mix_up),
    pipelines.CopyPaste: (steps.CopyPaste, shared.copy_paste),
    pipelines.FilterAnnotations: (steps.FilterAnnotations, shared.filter_annotations),
    pipelines.ImageToTensor: (ImageToTensor, lambda transform: ImageToTensor(names("keys", transform.keys))),
    pipelines.DefaultFormatBundle: (DefaultFormatBundle, _default_format_bundle),
    pipelines.Collect: (
        Collect,
        lambda transform: Collect(names("keys", transform.keys), names("meta_keys", transform.meta_keys)),
    ),
}
