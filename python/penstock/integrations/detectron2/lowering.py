"""From Detectron2's augmentations to the steps that the loaders have themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Literal

import numpy as np
from detectron2.data import transforms as T
from PIL.Image import Resampling

from penstock.detection import augmentations as aug
from penstock.detection import steps as st
from penstock.integrations.openmmlab.arguments import NotNativeError, not_native

__all__ = ["CONVERSIONS", "flat", "lower"]


def lower(augmentations: Sequence[Any], image_format: str) -> list[st.Step | st.PythonStep]:
    """The steps of a mapper: the image is loaded, then one step stands for each augmentation.

    An augmentation becomes a step where it is exactly of Detectron2's class, which a subclass is not, and where the
    step can express its arguments. All others stay as they are, and run in Python.

    Args:
        augmentations: Detectron2's objects, ``Augmentation`` or ``Transform``.
        image_format: "BGR" or "RGB"; of others the image is converted in Python.
    """
    return [_load(image_format), *(_lower_one(one) for one in flat(augmentations))]


def flat(augmentations: Sequence[Any]) -> list[Any]:
    """The augmentations, with those within an AugmentationList in its place."""
    found: list[Any] = []
    for one in augmentations:
        found += flat(one.augs) if type(one) is T.AugmentationList else [one]
    return found


def _load(image_format: str) -> st.Step | st.PythonStep:
    if image_format == "BGR" or image_format == "RGB":
        return st.LoadImage(color="bgr" if image_format == "BGR" else "rgb")
    return st.PythonStep(_unchanged, f"images of the format '{image_format}' are made in Python")


def _unchanged(image: Any) -> Any:
    return image


def _lower_one(one: Any) -> st.Step | st.PythonStep:
    kind = type(one)
    if kind in CONVERSIONS:
        try:
            _, convert = CONVERSIONS[kind]
            return convert(one)
        except NotNativeError as error:
            return st.PythonStep(one, f"{kind.__name__}({error}) has no native version")
    if kind.__module__.startswith("detectron2.data.transforms"):
        return st.PythonStep(one, f"{kind.__name__} has no native version")
    return st.PythonStep(one, f"{kind.__name__} is not one of Detectron2's own")


def _nearest(interp: Any) -> bool:
    if interp not in (Resampling.BILINEAR, Resampling.NEAREST):
        raise not_native(interp=interp)
    return bool(interp == Resampling.NEAREST)


def _resize_shortest_edge(one: Any) -> st.Step:
    lengths = tuple(one.short_edge_length)
    if not lengths or not all(type(length) is int and length >= 0 for length in lengths):
        raise not_native(short_edge_length=one.short_edge_length)
    if one.is_range and (len(lengths) != 2 or lengths[0] > lengths[1]):
        raise not_native(short_edge_length=one.short_edge_length)
    if type(one.max_size) is not int or one.max_size < 1:
        raise not_native(max_size=one.max_size)
    return aug.ResizeShortestEdge(lengths, one.max_size, bool(one.is_range), _nearest(one.interp))


def _resize_scale(one: Any) -> st.Step:
    _check_integers(target_height=one.target_height, target_width=one.target_width)
    scales = float(one.min_scale), float(one.max_scale)
    return aug.ResizeScale(*scales, one.target_height, one.target_width, _nearest(one.interp))


def _resize(one: Any) -> st.Step:
    height, width = one.shape
    _check_integers(height=height, width=width)
    return aug.ResizeExactly((height, width), _nearest(one.interp))


def _fixed_size_crop(one: Any) -> st.Step:
    height, width = one.crop_size
    _check_integers(height=height, width=width)
    if not 0 <= one.pad_value <= 255:
        raise not_native(pad_value=one.pad_value)
    return aug.FixedSizeCrop((height, width), bool(one.pad), float(one.pad_value), int(one.seg_pad_value))


def _random_flip(one: Any) -> st.Step:
    if not 0 <= one.prob <= 1:
        raise not_native(prob=one.prob)
    return st.RandomFlip(("horizontal" if one.horizontal else "vertical",), (float(one.prob), 1.0 - float(one.prob)))


def _random_crop(one: Any) -> st.Step:
    first, second = one.crop_size
    relative = one.crop_type.startswith("relative")
    if relative and not (0 < first <= 1 and 0 < second <= 1):
        raise not_native(crop_size=one.crop_size)
    if not relative and not (type(first) is int and type(second) is int and min(first, second) > 0):
        raise not_native(crop_size=one.crop_size)
    if one.crop_type == "absolute_range" and first > second:
        raise not_native(crop_size=one.crop_size)
    return st.RandomCrop((first, second), one.crop_type, allow_negative_crop=True, bbox_clip_border=False)


def _levels(level: Literal["black", "mean", "gray"]) -> Callable[[Any], st.Step]:
    def convert(one: Any) -> st.Step:
        given = float(one.intensity_min), float(one.intensity_max)
        if not all(map(math.isfinite, given)):
            raise not_native(intensity_min=one.intensity_min, intensity_max=one.intensity_max)
        return aug.RandomLevels(level, *given, in_doubles=_numpy_adds_in_doubles(), fused=_numpy_fuses())

    return convert


@cache
def _numpy_adds_in_doubles() -> bool:
    """Whether a number of float64 makes a sum with float32 values one of float64."""
    return bool((np.float64(1) + np.zeros(1, np.float32)).dtype == np.float64)


@cache
def _numpy_fuses() -> bool:
    """Whether products of matrices are summed up with operations that round once: it depends on the processor."""
    values = np.arange(1, 256, dtype=np.uint8).reshape(1, -1, 1) * np.ones(3, np.uint8)
    separate = values[..., 0] * 0.299 + values[..., 1] * 0.587 + values[..., 2] * 0.114
    return not np.array_equal(values.dot([0.299, 0.587, 0.114]), separate)


def _check_integers(**values: Any) -> None:
    for name, value in values.items():
        if type(value) is not int or value < 1:
            raise not_native(**{name: value})


#: For each class of Detectron2's the kind of step that it becomes, and how.
CONVERSIONS: dict[type, tuple[type[st.Step], Callable[[Any], st.Step]]] = {
    T.ResizeShortestEdge: (aug.ResizeShortestEdge, _resize_shortest_edge),
    T.ResizeScale: (aug.ResizeScale, _resize_scale),
    T.Resize: (aug.ResizeExactly, _resize),
    T.FixedSizeCrop: (aug.FixedSizeCrop, _fixed_size_crop),
    T.RandomFlip: (st.RandomFlip, _random_flip),
    T.RandomCrop: (st.RandomCrop, _random_crop),
    T.RandomBrightness: (aug.RandomLevels, _levels("black")),
    T.RandomContrast: (aug.RandomLevels, _levels("mean")),
    T.RandomSaturation: (aug.RandomLevels, _levels("gray")),
}
