"""From MMDetection's transforms to the steps that the loaders have themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmdet.core import BitmapMasks, PolygonMasks
from mmdet.datasets import pipelines

from penstock.detection import steps
from penstock.detection.reference import Wrappers
from penstock.detection.steps import PythonStep, Step
from penstock.integrations.mmdet.data.load_image import LoadImageFromDeepLake
from penstock.integrations.mmdet.pipeline.conversions import CONVERSIONS
from penstock.integrations.openmmlab.arguments import NotNativeError, integer_pair, not_native

__all__ = ["WRAPPERS", "kind_of_step", "lower"]

#: What the steps make MMDetection's own objects with.
WRAPPERS = Wrappers(bitmap_masks=BitmapMasks, polygon_masks=PolygonMasks)

_DIRECTIONS = frozenset({"horizontal", "vertical", "diagonal"})


def lower(transforms: Sequence[Any]) -> list[Step | PythonStep]:
    """The steps that stand for the transforms of a pipeline, one for each.

    A transform becomes a step when it is exactly of MMDetection's class (a subclass or a class registered in its
    place may do anything) and when the step can express its arguments. All others stay as they are.

    Args:
        transforms: MMDetection's objects, ``LoadImageFromDeepLake`` and any others, as ``Compose`` holds them.
    """
    return _lower_all(transforms, floating=False)


def kind_of_step(transform: Any) -> type[Step] | None:
    """The kind of step that a transform is, whatever its arguments; None where penstock has no step of its kind."""
    if type(transform) is pipelines.MultiScaleFlipAug:
        return steps.MultiScaleFlipAug
    kind, _ = CONVERSIONS.get(type(transform), (None, None))
    return kind


def _lower_all(transforms: Sequence[Any], *, floating: bool) -> list[Step | PythonStep]:
    """``floating``: the image is float32 before the first of them."""
    lowered = []
    for transform in transforms:
        lowered.append(_lower_one(transform, floating))
        floating = floating or (isinstance(lowered[-1], Step) and lowered[-1].gives_float())
    return lowered


def _lower_one(transform: Any, floating: bool) -> Step | PythonStep:
    kind = type(transform)
    name = getattr(transform, "__qualname__", kind.__name__)
    if kind is pipelines.YOLOXHSVRandomAug and floating:
        return PythonStep(transform, f"{name} has no native version for float32 images")
    if kind in CONVERSIONS or kind is pipelines.MultiScaleFlipAug:
        try:
            if kind is pipelines.MultiScaleFlipAug:
                return _multi_scale_flip_aug(transform, floating)
            _, convert = CONVERSIONS[kind]
            return convert(transform)
        except NotNativeError as error:
            return PythonStep(transform, f"{_shown_name(name)}({error}) has no native version")
    if kind.__module__.startswith("mmdet.datasets.pipelines."):
        return PythonStep(transform, f"{name} has no native version")
    return PythonStep(transform, f"{name} is not one of MMDetection's own")


def _shown_name(name: str) -> str:
    return "LoadImageFromFile" if name == LoadImageFromDeepLake.__name__ else name


def _multi_scale_flip_aug(transform: Any, floating: bool) -> Step:
    scales = transform.img_scale
    if transform.scale_key == "scale":
        img_scale: tuple[Any, ...] = tuple(integer_pair("img_scale", scale) for scale in scales)
    else:
        # MMDetection lets a factor that is no float fail in Resize, and so does its own object.
        img_scale = tuple(scales)
        if not all(isinstance(scale, float) for scale in scales):
            raise not_native(scale_factor=scales)
    if transform.flip and not _DIRECTIONS.issuperset(transform.flip_direction):
        raise not_native(flip_direction=transform.flip_direction)
    return steps.MultiScaleFlipAug(
        transforms=tuple(_lower_all(transform.transforms.transforms, floating=floating)),
        img_scale=img_scale,
        flips=(None, *transform.flip_direction) if transform.flip else (None,),
    )
