"""From MMDetection's transforms to the steps that the loaders have themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from mmcv.parallel import DataContainer
from mmdet.core import BitmapMasks, PolygonMasks
from mmdet.datasets import pipelines

from penstock.integrations.mmdet.data.loading import LoadImageFromDeepLake
from penstock.reference.transforms import Wrappers
from penstock.transforms import steps
from penstock.transforms.steps import PythonStep, Step

__all__ = ["WRAPPERS", "lower"]

#: What the steps make MMDetection's own objects with.
WRAPPERS = Wrappers(bitmap_masks=BitmapMasks, polygon_masks=PolygonMasks, container=DataContainer)


_DIRECTIONS = frozenset({"horizontal", "vertical", "diagonal"})


class _NotNativeError(Exception):
    """Arguments that a step cannot express; the message names the ones."""


def lower(transforms: Sequence[Any]) -> list[Step | PythonStep]:
    """The steps that stand for the transforms of a pipeline, one for each.

    A transform becomes a step when it is exactly of MMDetection's class (a subclass or a class registered in its
    place may do anything) and when the step can express its arguments. All others stay as they are.

    Args:
        transforms: MMDetection's objects, ``LoadImageFromDeepLake`` and any others, as ``Compose`` holds them.
    """
    return _lower_all(transforms, floating=False)


def _lower_all(transforms: Sequence[Any], *, floating: bool) -> list[Step | PythonStep]:
    """``floating``: the image is float32 before the first of them."""
    lowered = []
    for transform in transforms:
        lowered.append(_lower_one(transform, floating))
        floating = floating or _gives_float(lowered[-1])
    return lowered


def _gives_float(step: Step | PythonStep) -> bool:
    if isinstance(step, steps.LoadImage):
        return step.to_float32
    return isinstance(step, (steps.PhotoMetricDistortion, steps.Normalize))


def _lower_one(transform: Any, floating: bool) -> Step | PythonStep:
    kind = type(transform)
    name = getattr(transform, "__qualname__", kind.__name__)
    if kind is pipelines.YOLOXHSVRandomAug and floating:
        return PythonStep(transform, f"{name} has no native version for float32 images")
    if kind in _LOWER or kind is pipelines.MultiScaleFlipAug:
        try:
            if kind is pipelines.MultiScaleFlipAug:
                return _multi_scale_flip_aug(transform, floating)
            return _LOWER[kind](transform)
        except _NotNativeError as error:
            return PythonStep(transform, f"{_shown_name(name)}({error}) has no native version")
    if kind.__module__.startswith("mmdet.datasets.pipelines."):
        return PythonStep(transform, f"{name} has no native version")
    return PythonStep(transform, f"{name} is not one of MMDetection's own")


def _shown_name(name: str) -> str:
    return "LoadImageFromFile" if name == LoadImageFromDeepLake.__name__ else name


def _not_native(**arguments: Any) -> _NotNativeError:
    return _NotNativeError(", ".join(f"{name}={value!r}" for name, value in arguments.items()))


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _numbers(name: str, value: Any, count: int) -> tuple[float, ...]:
    if not isinstance(value, (tuple, list)) or len(value) != count or not all(map(_is_number, value)):
        raise _not_native(**{name: value})
    return tuple(value)


def _integers(name: str, value: Any) -> tuple[int, int]:
    if not isinstance(value, (tuple, list)) or len(value) != 2 or not all(map(_is_integer, value)):
        raise _not_native(**{name: value})
    return int(value[0]), int(value[1])


def _positive(name: str, value: Any) -> tuple[int, int]:
    first, second = _integers(name, value)
    if first < 1 or second < 1:
        raise _not_native(**{name: value})
    return first, second


def _pair(name: str, value: Any) -> tuple[float, float]:
    first, second = _numbers(name, value, 2)
    return first, second


def _color(name: str, value: Any) -> tuple[float, float, float]:
    first, second, third = _numbers(name, value, 3)
    return first, second, third


def _number(name: str, value: Any) -> float:
    if not _is_number(value):
        raise _not_native(**{name: value})
    return value  # type: ignore[no-any-return]


def _integer(name: str, value: Any) -> int:
    if not _is_integer(value):
        raise _not_native(**{name: value})
    return int(value)


def _load_image(transform: LoadImageFromDeepLake) -> Step:
    if transform.color not in ("bgr", "rgb", "gray"):
        raise _not_native(color_type=transform.color_type)
    return steps.LoadImage(to_float32=bool(transform.to_float32), color=transform.color)


def _load_annotations(transform: Any) -> Step:
    if transform.with_seg:
        raise _not_native(with_seg=True)
    return steps.LoadAnnotations(
        with_bbox=bool(transform.with_bbox),
        with_label=bool(transform.with_label),
        with_mask=bool(transform.with_mask),
        poly2mask=bool(transform.poly2mask),
        denorm_bbox=bool(transform.denorm_bbox),
    )


def _resize(transform: Any) -> Step:
    if transform.backend != "cv2":
        raise _not_native(backend=transform.backend)
    if transform.interpolation not in ("bilinear", "nearest"):
        raise _not_native(interpolation=transform.interpolation)
    scales = transform.img_scale
    ratios = transform.ratio_range
    return steps.Resize(
        img_scale=None if scales is None else tuple(_integers("img_scale", scale) for scale in scales),
        multiscale_mode=transform.multiscale_mode,
        ratio_range=None if ratios is None else _pair("ratio_range", ratios),
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
        raise _not_native(direction=direction)
    if not isinstance(ratio, list):
        # Summed as MMDetection sums: what is left over decides the last of the draws.
        return steps.RandomFlip(directions, (*[ratio / len(directions)] * len(directions), 1 - ratio))
    if len(ratio) != len(directions):
        raise _not_native(flip_ratio=ratio, direction=direction)
    return steps.RandomFlip(directions, (*ratio, 1 - sum(ratio)))


def _random_shift(transform: Any) -> Step:
    return steps.RandomShift(
        shift_ratio=_number("shift_ratio", transform.shift_ratio),
        max_shift_px=_integer("max_shift_px", transform.max_shift_px),
        filter_thr_px=transform.filter_thr_px,
    )


def _fill_value(name: str, value: Any) -> float | tuple[float, float, float]:
    """What mmcv pads with: a number or a tuple, and no list."""
    if isinstance(value, list):
        raise _not_native(**{name: value})
    return _color(name, value) if isinstance(value, tuple) else _number(name, value)


def _pad(transform: Any) -> Step:
    value = transform.pad_val
    size, divisor = transform.size, transform.size_divisor
    if divisor is not None and _integer("size_divisor", divisor) < 1:
        raise _not_native(size_divisor=divisor)
    return steps.Pad(
        # MMDetection writes the size of the last sample there.
        size=None if size is None or transform.pad_to_square else _integers("size", size),
        size_divisor=None if divisor is None else int(divisor),
        pad_to_square=bool(transform.pad_to_square),
        img_val=_fill_value("pad_val", value.get("img", 0)),
        masks_val=_number("pad_val", value.get("masks", 0)),
        seg_val=_number("pad_val", value.get("seg", 255)),
    )


def _normalize(transform: Any) -> Step:
    mean, std = transform.mean, transform.std
    if mean.shape != std.shape or mean.shape not in ((1,), (3,)):
        raise _not_native(mean=mean.tolist(), std=std.tolist())
    return steps.Normalize(tuple(mean.tolist()), tuple(std.tolist()), bool(transform.to_rgb))


def _random_crop(transform: Any) -> Step:
    return steps.RandomCrop(
        crop_size=_pair("crop_size", transform.crop_size),
        crop_type=transform.crop_type,
        allow_negative_crop=bool(transform.allow_negative_crop),
        recompute_bbox=bool(transform.recompute_bbox),
        bbox_clip_border=bool(transform.bbox_clip_border),
    )


def _photo_metric_distortion(transform: Any) -> Step:
    return steps.PhotoMetricDistortion(
        brightness_delta=_number("brightness_delta", transform.brightness_delta),
        contrast_range=_pair("contrast_range", (transform.contrast_lower, transform.contrast_upper)),
        saturation_range=_pair("saturation_range", (transform.saturation_lower, transform.saturation_upper)),
        hue_delta=_number("hue_delta", transform.hue_delta),
    )


def _expand(transform: Any) -> Step:
    label = transform.seg_ignore_label
    return steps.Expand(
        fill=_color("mean", transform.mean),
        ratio_range=_pair("ratio_range", (transform.min_ratio, transform.max_ratio)),
        prob=_number("prob", transform.prob),
        seg_ignore_label=None if label is None else _integer("seg_ignore_label", label),
    )


def _min_iou_random_crop(transform: Any) -> Step:
    least = transform.min_ious
    return steps.MinIoURandomCrop(
        min_ious=_numbers("min_ious", least, len(least)),
        min_crop_size=_number("min_crop_size", transform.min_crop_size),
        bbox_clip_border=bool(transform.bbox_clip_border),
    )


def _cut_out(transform: Any) -> Step:
    name = "cutout_ratio" if transform.with_ratio else "cutout_shape"
    if not transform.candidates:
        raise _not_native(**{name: transform.candidates})
    to_pair: Callable[[str, Any], tuple[float, float]] = _pair if transform.with_ratio else _integers
    return steps.CutOut(
        n_holes=_integers("n_holes", transform.n_holes),
        candidates=tuple(to_pair(name, candidate) for candidate in transform.candidates),
        with_ratio=transform.with_ratio,
        fill_in=_color("fill_in", transform.fill_in),
    )


def _box_filter(transform: Any) -> dict[str, float]:
    names = ("min_bbox_size", "min_area_ratio", "max_aspect_ratio")
    return {name: _number(name, getattr(transform, name)) for name in names}


def _random_affine(transform: Any) -> Step:
    value = transform.border_val
    return steps.RandomAffine(
        max_rotate_degree=_number("max_rotate_degree", transform.max_rotate_degree),
        max_translate_ratio=_number("max_translate_ratio", transform.max_translate_ratio),
        scaling_ratio_range=_pair("scaling_ratio_range", transform.scaling_ratio_range),
        max_shear_degree=_number("max_shear_degree", transform.max_shear_degree),
        border=_integers("border", transform.border),
        # OpenCV takes one number for the first channel's.
        border_val=(value, 0, 0) if _is_number(value) else _color("border_val", value),
        bbox_clip_border=bool(transform.bbox_clip_border),
        skip_filter=bool(transform.skip_filter),
        **_box_filter(transform),
    )


def _hsv_random_aug(transform: Any) -> Step:
    return steps.YOLOXHSVRandomAug(
        hue_delta=_number("hue_delta", transform.hue_delta),
        saturation_delta=_number("saturation_delta", transform.saturation_delta),
        value_delta=_number("value_delta", transform.value_delta),
    )


def _mosaic(transform: Any) -> Step:
    return steps.Mosaic(
        img_scale=_positive("img_scale", transform.img_scale),
        center_ratio_range=_pair("center_ratio_range", transform.center_ratio_range),
        min_bbox_size=_number("min_bbox_size", transform.min_bbox_size),
        bbox_clip_border=bool(transform.bbox_clip_border),
        skip_filter=bool(transform.skip_filter),
        pad_val=_number("pad_val", transform.pad_val),
        prob=_number("prob", transform.prob),
    )


def _mix_up(transform: Any) -> Step:
    value = transform.pad_val
    # With a float, 114.0 for one, MMDetection resizes the filled image in another type, and cuts what comes out.
    in_doubles = type(value) is float
    if not (_is_integer(value) or (in_doubles and value.is_integer())) or not 0 <= value <= 255:
        raise _not_native(pad_val=value)
    return steps.MixUp(
        img_scale=_positive("img_scale", transform.dynamic_scale),
        ratio_range=_pair("ratio_range", transform.ratio_range),
        flip_ratio=_number("flip_ratio", transform.flip_ratio),
        pad_val=float(value) if in_doubles else int(value),
        in_doubles=in_doubles,
        max_iters=_integer("max_iters", transform.max_iters),
        bbox_clip_border=bool(transform.bbox_clip_border),
        skip_filter=bool(transform.skip_filter),
        **_box_filter(transform),
    )


def _copy_paste(transform: Any) -> Step:
    return steps.CopyPaste(
        max_num_pasted=_integer("max_num_pasted", transform.max_num_pasted),
        bbox_occluded_thr=_number("bbox_occluded_thr", transform.bbox_occluded_thr),
        mask_occluded_thr=_number("mask_occluded_thr", transform.mask_occluded_thr),
        selected=bool(transform.selected),
    )


def _filter_annotations(transform: Any) -> Step:
    return steps.FilterAnnotations(
        min_gt_bbox_wh=_pair("min_gt_bbox_wh", transform.min_gt_bbox_wh),
        min_gt_mask_area=_integer("min_gt_mask_area", transform.min_gt_mask_area),
        by_box=bool(transform.by_box),
        by_mask=bool(transform.by_mask),
        keep_empty=bool(transform.keep_empty),
    )


def _names(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, (tuple, list)) or not all(isinstance(item, str) for item in value):
        raise _not_native(**{name: value})
    return tuple(value)


def _default_format_bundle(transform: Any) -> Step:
    value = transform.pad_val
    if not isinstance(value, Mapping) or not {"img", "masks", "seg"} <= value.keys():
        raise _not_native(pad_val=value)
    return steps.DefaultFormatBundle(
        img_to_float=transform.img_to_float is True,
        img_pad_val=_number("pad_val", value["img"]),
        masks_pad_val=_number("pad_val", value["masks"]),
        seg_pad_val=_number("pad_val", value["seg"]),
    )


def _multi_scale_flip_aug(transform: Any, floating: bool) -> Step:
    scales = transform.img_scale
    if transform.scale_key == "scale":
        img_scale: tuple[Any, ...] = tuple(_integers("img_scale", scale) for scale in scales)
    else:
        # MMDetection lets a factor that is no float fail in Resize, and so does its own object.
        img_scale = tuple(scales)
        if not all(isinstance(scale, float) for scale in scales):
            raise _not_native(scale_factor=scales)
    if transform.flip and not _DIRECTIONS.issuperset(transform.flip_direction):
        raise _not_native(flip_direction=transform.flip_direction)
    return steps.MultiScaleFlipAug(
        transforms=tuple(_lower_all(transform.transforms.transforms, floating=floating)),
        img_scale=img_scale,
        flips=(None, *transform.flip_direction) if transform.flip else (None,),
    )


_LOWER: dict[type, Callable[[Any], Step]] = {
    LoadImageFromDeepLake: _load_image,
    pipelines.LoadAnnotations: _load_annotations,
    pipelines.Resize: _resize,
    pipelines.RandomFlip: _random_flip,
    pipelines.RandomShift: _random_shift,
    pipelines.Pad: _pad,
    pipelines.Normalize: _normalize,
    pipelines.RandomCrop: _random_crop,
    pipelines.PhotoMetricDistortion: _photo_metric_distortion,
    pipelines.Expand: _expand,
    pipelines.MinIoURandomCrop: _min_iou_random_crop,
    pipelines.CutOut: _cut_out,
    pipelines.RandomAffine: _random_affine,
    pipelines.YOLOXHSVRandomAug: _hsv_random_aug,
    pipelines.Mosaic: _mosaic,
    pipelines.MixUp: _mix_up,
    pipelines.CopyPaste: _copy_paste,
    pipelines.FilterAnnotations: _filter_annotations,
    pipelines.ImageToTensor: lambda transform: steps.ImageToTensor(_names("keys", transform.keys)),
    pipelines.DefaultFormatBundle: _default_format_bundle,
    pipelines.Collect: lambda transform: steps.Collect(
        _names("keys", transform.keys), _names("meta_keys", transform.meta_keys)
    ),
}
