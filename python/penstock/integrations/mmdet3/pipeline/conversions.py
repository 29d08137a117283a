"""For each of MMDetection 3's transforms the step that does the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mmcv.transforms import RandomChoiceResize, RandomResize
from mmdet.datasets import transforms

from penstock.detection import steps
from penstock.detection.steps import Step
from penstock.integrations.mmdet3.data.load_image import LoadImageFromDeepLake
from penstock.integrations.mmdet3.pipeline.batch_forms import PackDetInputs
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

__all__ = ["CONVERSIONS", "Before"]

_LARGEST_CACHE = 1_000_000


@dataclass(frozen=True)
class Before:
    """What the transforms before one have made of a sample.

    Attributes:
        floating: The image is float32.
        gray: It has no axis of channels.
        masks: Masks are loaded.
        outlines: They are polygons.
    """

    floating: bool = False
    gray: bool = False
    masks: bool = False
    outlines: bool = False


def _load_image(transform: LoadImageFromDeepLake, before: Before) -> Step:
    if transform.color not in ("bgr", "rgb", "gray"):
        raise not_native(color_type=transform.color_type)
    return steps.LoadImage(to_float32=bool(transform.to_float32), color=transform.color)


def _load_annotations(transform: Any, before: Before) -> Step:
    if transform.with_seg:
        raise not_native(with_seg=True)
    return steps.LoadAnnotations(
        with_bbox=bool(transform.with_bbox),
        with_label=bool(transform.with_label),
        with_mask=bool(transform.with_mask),
        poly2mask=bool(transform.poly2mask),
    )


def _resize(transform: Any, before: Before) -> Step:
    scale = transform.scale
    factor = None if scale else pair("scale_factor", transform.scale_factor)
    return _resized(transform, img_scale=(_size("scale", scale),) if scale else None, scale_factor=factor)


def _random_resize(transform: Any, before: Before) -> Step:
    scale = transform.scale
    if isinstance(scale, tuple) and all(map(is_integer, scale)):
        low, high = pair("ratio_range", transform.ratio_range)
        if low > high:
            raise not_native(ratio_range=transform.ratio_range)
        return _resized(_inner(transform), img_scale=(_size("scale", scale),), ratio_range=(low, high))
    if not isinstance(scale, list) or len(scale) != 2:
        raise not_native(scale=scale)
    return _resized(_inner(transform), img_scale=tuple(_size("scale", one) for one in scale), range_of="axes")


def _random_choice_resize(transform: Any, before: Before) -> Step:
    scales = tuple(_size("scales", scale) for scale in transform.scales)
    return _resized(_inner(transform), img_scale=scales, multiscale_mode="value")


def _inner(transform: Any) -> Any:
    """The transform that resizes to what was drawn: MMDetection's, or one by another name."""
    if type(transform.resize) is not transforms.Resize:
        raise not_native(resize_type=type(transform.resize).__name__)
    return transform.resize


def _resized(transform: Any, **scale: Any) -> Step:
    if transform.backend != "cv2":
        raise not_native(backend=transform.backend)
    if transform.interpolation not in ("bilinear", "nearest"):
        raise not_native(interpolation=transform.interpolation)
    return steps.Resize(
        keep_ratio=bool(transform.keep_ratio),
        bbox_clip_border=bool(transform.clip_object_border),
        interpolation=transform.interpolation,
        override=True,
        noted_scale="pair",
        **scale,
    )


def _size(name: str, value: Any) -> tuple[int, int]:
    """mmcv rescales by an integer, and takes a list for no size."""
    if not isinstance(value, tuple):
        raise not_native(**{name: value})
    return integer_pair(name, value)


def _random_flip(transform: Any, before: Before) -> Step:
    prob, direction = transform.prob, transform.direction
    directions = tuple(direction) if isinstance(direction, list) else (direction,)
    if not directions:
        raise not_native(direction=direction)
    if not isinstance(prob, list):
        # Summed as MMDetection sums: what is left over decides the last of the draws.
        ratios = (*[prob / len(directions)] * len(directions), 1.0 - prob)
        return steps.RandomFlip(directions, ratios, redraws=True)
    if len(prob) != len(directions):
        raise not_native(prob=prob, direction=direction)
    return steps.RandomFlip(directions, (*prob, 1 - sum(prob)), redraws=True)


def _random_shift(transform: Any, before: Before) -> Step:
    _refuse_masks(before)
    return steps.RandomShift(
        shift_ratio=number("prob", transform.prob),
        max_shift_px=integer("max_shift_px", transform.max_shift_px),
        filter_thr_px=transform.filter_thr_px,
    )


def _pad(transform: Any, before: Before) -> Step:
    if transform.padding_mode != "constant":
        raise not_native(padding_mode=transform.padding_mode)
    size, divisor, value = transform.size, transform.size_divisor, transform.pad_val.get("img", 0)
    if divisor is not None and integer("size_divisor", divisor) < 1:
        raise not_native(size_divisor=divisor)
    if size is not None:
        width, height = _size("size", size)
    fill = fill_value("pad_val", value)
    return steps.Pad(
        size=None if size is None else (height, width),
        size_divisor=None if divisor is None else int(divisor),
        pad_to_square=bool(transform.pad_to_square),
        # An integer is for all channels; a float is the first one's, as OpenCV takes it.
        img_val=(fill,) * 3 if isinstance(value, int) and not before.gray else fill,  # type: ignore[arg-type]
        masks_val=number("pad_val", transform.pad_val.get("masks", 0)),
        seg_val=number("pad_val", transform.pad_val.get("seg", 255)),
        grows_img_shape=True,
    )


def _random_crop(transform: Any, before: Before) -> Step:
    first, second = pair("crop_size", transform.crop_size)
    in_order = transform.crop_type in ("absolute_range", "relative_range")
    return steps.RandomCrop(
        crop_size=(first, second) if in_order else (second, first),
        crop_type=transform.crop_type,
        allow_negative_crop=bool(transform.allow_negative_crop),
        recompute_bbox=bool(transform.recompute_bbox),
        bbox_clip_border=bool(transform.bbox_clip_border),
        keeps="inside",
        cuts_outlines=before.outlines,
    )


def _random_affine(transform: Any, before: Before) -> Step:
    value = transform.border_val
    width, height = integer_pair("border", transform.border)
    return steps.RandomAffine(
        max_rotate_degree=number("max_rotate_degree", transform.max_rotate_degree),
        max_translate_ratio=number("max_translate_ratio", transform.max_translate_ratio),
        scaling_ratio_range=pair("scaling_ratio_range", transform.scaling_ratio_range),
        max_shear_degree=number("max_shear_degree", transform.max_shear_degree),
        border=(height, width),
        # OpenCV takes one number for the first channel's.
        border_val=(value, 0, 0) if is_number(value) else color("border_val", value),
        bbox_clip_border=bool(transform.bbox_clip_border),
    )


def _hsv_random_aug(transform: Any, before: Before) -> Step:
    if before.floating:
        raise not_native(img="float32")
    return shared.hsv_random_aug(transform)


def _refuse_masks(before: Before) -> None:
    """For transforms that change boxes and leave their masks as they are."""
    if before.masks:
        raise not_native(with_mask=True)


def _mosaic(transform: Any, before: Before, cached: bool = False) -> Step:
    if not cached:
        _refuse_masks(before)
    width, height = positive_pair("img_scale", transform.img_scale)
    return steps.Mosaic(
        img_scale=(height, width),
        center_ratio_range=pair("center_ratio_range", transform.center_ratio_range),
        bbox_clip_border=bool(transform.bbox_clip_border),
        pad_val=number("pad_val", transform.pad_val),
        prob=number("prob", transform.prob),
        **_cache(transform, cached),
    )


def _cache(transform: Any, cached: bool) -> dict[str, Any]:
    """What a step knows of the cache of a transform, where that has one."""
    if not cached:
        return {}
    size = integer("max_cached_images", transform.max_cached_images)
    # An age is drawn in about so many multiplications.
    if size > _LARGEST_CACHE:
        raise not_native(max_cached_images=size)
    return {"cached": True, "max_cached_images": size, "random_pop": bool(transform.random_pop)}


def _mix_up(transform: Any, before: Before, cached: bool = False) -> Step:
    if not cached:
        _refuse_masks(before)
    width, height = positive_pair("img_scale", transform.dynamic_scale)
    value, in_doubles = _mix_up_filling(transform)
    return steps.MixUp(
        img_scale=(height, width),
        ratio_range=pair("ratio_range", transform.ratio_range),
        flip_ratio=number("flip_ratio", transform.flip_ratio),
        pad_val=value,
        in_doubles=in_doubles,
        max_iters=integer("max_iters", transform.max_iters),
        bbox_clip_border=bool(transform.bbox_clip_border),
        prob=number("prob", transform.prob) if cached else None,
        flips_above=True,
        fills=True,
        **_cache(transform, cached),
    )


def _mix_up_filling(transform: Any) -> tuple[float, bool]:
    """The value around the other image, and whether that is resized in doubles: with a float, 114.0 for one,
    MMDetection resizes the filled image in another type, and cuts what comes out.
    """
    value = transform.pad_val
    if isinstance(value, tuple) and tuple(transform.ratio_range) == (1.0, 1.0) and len(set(value)) == 1:
        # In a type that OpenCV resizes to the same size alone, which copies.
        value = value[0]
        if not is_number(value) or value != int(value):
            raise not_native(pad_val=transform.pad_val)
        value = int(value)
    in_doubles = type(value) is float
    if not (is_integer(value) or (in_doubles and value.is_integer())) or not 0 <= value <= 255:
        raise not_native(pad_val=value)
    return (float(value) if in_doubles else int(value)), in_doubles


def _copy_paste(transform: Any, before: Before) -> Step:
    if not before.masks:
        raise not_native(paste_by_box=transform.paste_by_box)
    return shared.copy_paste(transform)


#: The kind of step of each of MMDetection's classes, and what makes one of an object of exactly that class, knowing
#: what comes before it. That raises NotNativeError for arguments that the step cannot express.
CONVERSIONS: dict[type, tuple[type[Step], Callable[[Any, Before], Step]]] = {
    LoadImageFromDeepLake: (steps.LoadImage, _load_image),
    transforms.LoadAnnotations: (steps.LoadAnnotations, _load_annotations),
    transforms.Resize: (steps.Resize, _resize),
    RandomResize: (steps.Resize, _random_resize),
    RandomChoiceResize: (steps.Resize, _random_choice_resize),
    transforms.RandomFlip: (steps.RandomFlip, _random_flip),
    transforms.RandomShift: (steps.RandomShift, _random_shift),
    transforms.Pad: (steps.Pad, _pad),
    transforms.RandomCrop: (steps.RandomCrop, _random_crop),
    transforms.PhotoMetricDistortion: (
        steps.PhotoMetricDistortion,
        lambda transform, before: shared.photo_metric_distortion(transform, draws_all=True, clips_saturation=True),
    ),
    transforms.Expand: (steps.Expand, lambda transform, before: shared.expand(transform, grows_img_shape=True)),
    transforms.MinIoURandomCrop: (
        steps.MinIoURandomCrop,
        lambda transform, before: shared.min_iou_random_crop(transform, cuts_outlines=before.outlines),
    ),
    transforms.CutOut: (steps.CutOut, lambda transform, before: shared.cut_out(transform)),
    transforms.RandomAffine: (steps.RandomAffine, _random_affine),
    transforms.YOLOXHSVRandomAug: (steps.YOLOXHSVRandomAug, _hsv_random_aug),
    transforms.Mosaic: (steps.Mosaic, _mosaic),
    transforms.CachedMosaic: (steps.Mosaic, lambda transform, before: _mosaic(transform, before, cached=True)),
    transforms.MixUp: (steps.MixUp, _mix_up),
    transforms.CachedMixUp: (steps.MixUp, lambda transform, before: _mix_up(transform, before, cached=True)),
    transforms.CopyPaste: (steps.CopyPaste, _copy_paste),
    transforms.FilterAnnotations: (
        steps.FilterAnnotations,
        lambda transform, before: shared.filter_annotations(transform),
    ),
    transforms.PackDetInputs: (
        PackDetInputs,
        lambda transform, before: PackDetInputs(names("meta_keys", transform.meta_keys)),
    ),
}
