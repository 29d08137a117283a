"""Which steps of a pipeline the C++ core runs, and why not the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock.detection import steps as st

__all__ = ["FORMAT", "native_steps"]

_NEED_COLOR = (st.Expand, st.CutOut, st.PhotoMetricDistortion, st.YOLOXHSVRandomAug, st.MinIoURandomCrop, st.Normalize)
_NEED_BOXES = (st.MinIoURandomCrop, st.FilterAnnotations, st.Mosaic, st.MixUp, st.CopyPaste)
_MIX = (st.Mosaic, st.MixUp, st.CopyPaste)
#: Steps that make what a batch is collected of.
FORMAT = (st.DefaultFormatBundle, st.ImageToTensor, st.Collect)


def native_steps(
    steps: Sequence[Any],
    polygons: bool | None,
    images: str = "",
    mixing: str = "",
) -> tuple[int, str]:
    """How many of the leading steps the core can run, and why not the next; "" where it can run all.

    Args:
        steps: The lowered pipeline.
        polygons: Whether the dataset's masks are polygons; None where it has none that the core could read.
        images: Why the core cannot start from the dataset's images, where that is so.
        mixing: Why it cannot mix samples, where that is so.
    """
    if images:
        return 0, images
    for number, step in enumerate(steps):
        reason = _why_not_masks(step, polygons) or _why_not(step, steps[:number])
        if not reason and isinstance(step, _MIX):
            reason = mixing
        if reason:
            return number, reason
    return len(steps), ""


def _why_not(step: Any, before: Sequence[Any]) -> str:
    """Why the core cannot run a step after those before it; "" where it can."""
    if isinstance(step, st.PythonStep):
        return step.reason
    if not before:
        return "" if isinstance(step, st.LoadImage) else "the image is not loaded first"
    load, floating = before[0], _is_float(before)
    annotations = next((other for other in before if isinstance(other, st.LoadAnnotations)), None)
    if isinstance(before[-1], FORMAT) and not isinstance(step, st.Collect):
        return f"{type(before[-1]).__name__} comes before it"
    if isinstance(step, st.LoadImage) or (isinstance(step, st.LoadAnnotations) and annotations is not None):
        return "it loads a second time"
    if load.color == "gray" and isinstance(step, (*_NEED_COLOR, st.MixUp)):
        return "it needs images with three channels"
    if isinstance(step, _NEED_BOXES) and (annotations is None or not annotations.with_bbox):
        return "it needs boxes, and none are loaded before it"
    if isinstance(step, st.Normalize) and len(step.mean) != 3:
        return "its mean has not three values"
    if isinstance(step, _MIX):
        return _why_not_mix(step, floating)
    with_mask = annotations is not None and annotations.with_mask
    if isinstance(step, st.FilterAnnotations) and step.by_mask and not with_mask:
        return "it needs masks, and none are loaded before it"
    if isinstance(step, st.YOLOXHSVRandomAug) and floating:
        return "the image is not uint8"
    if isinstance(step, st.MultiScaleFlipAug):
        return _why_not_views(step, before)
    if isinstance(step, st.Resize) and step.img_scale is None:
        return "it has no img_scale"
    if isinstance(step, st.RandomFlip) and step.ratios is None:
        return "it has no flip_ratio"
    return ""


def _why_not_masks(step: Any, polygons: bool | None) -> str:
    if not isinstance(step, st.LoadAnnotations) or not step.with_mask:
        return ""
    if polygons is None:
        return "the core does not read masks of this kind"
    if not step.poly2mask and not polygons:
        return "poly2mask=False needs polygons, and the dataset has bitmaps"
    return "" if step.with_bbox else "masks are loaded without boxes"


def _why_not_mix(step: Any, floating: bool) -> str:
    if isinstance(step, st.CopyPaste):
        return ""
    if floating and isinstance(step, st.MixUp):
        return "the image is not uint8"
    if step.pad_val != int(step.pad_val):
        return "pad_val is not an integer"
    return ""


def _why_not_views(views: st.MultiScaleFlipAug, before: Sequence[Any]) -> str:
    inner = views.transforms
    if not any(isinstance(step, st.Resize) for step in inner):
        return "it has no Resize among its transforms"
    for number, step in enumerate(inner):
        if isinstance(step, st.Resize | st.RandomFlip):
            continue
        if isinstance(step, (*_MIX, st.MultiScaleFlipAug, st.LoadImage)) or _may_reject(step):
            return f"'{type(step).__name__}' is among its transforms"
        reason = _why_not(step, [*before, *inner[:number]])
        if reason:
            return f"'{type(step).__name__}' among its transforms: {reason}"
    return ""


def _is_float(steps: Sequence[Any]) -> bool:
    return steps[0].to_float32 or any(isinstance(step, st.PhotoMetricDistortion | st.Normalize) for step in steps)


def _may_reject(step: Any) -> bool:
    return (isinstance(step, st.RandomCrop) and not step.allow_negative_crop) or (
        isinstance(step, st.FilterAnnotations) and step.keep_empty
    )
