"""Which steps of a pipeline the C++ core runs, and why not the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock.detection import steps as st
from penstock.detection.items import LoadedItems
from penstock.detection.recipe import Recipe, takes_from_cache

__all__ = ["native_steps", "why_not_images", "why_not_mixing"]


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
        if not reason and step.facts.partners:
            reason = mixing
        if reason:
            return number, reason
    return len(steps), ""


def why_not_mixing(recipe: Recipe) -> str:
    """Why the core cannot mix samples; "" where it can."""
    pools = [level.pool for level in recipe.mixing_levels]
    return "" if all(pool is None for pool in pools) else "it mixes samples of a part of the dataset"


def why_not_images(items: LoadedItems) -> str:
    """Why the core's steps cannot start from the dataset's images; "" where they can."""
    tensor = items.source[items.tensors.img]
    if items.apart:
        return items.apart
    if tensor.apart:
        return tensor.apart
    if tensor.serves_core_transforms("numpy"):
        return ""
    return f"the core does not decode the images of '{tensor.name}', or not each as one file"


def _why_not(step: Any, before: Sequence[Any]) -> str:
    """Why the core cannot run a step after those before it; "" where it can."""
    if isinstance(step, st.PythonStep):
        return step.reason
    if not before:
        return "" if isinstance(step, st.LoadImage) else "the image is not loaded first"
    load, needs = before[0], step.facts.needs
    annotations = next((other for other in before if isinstance(other, st.LoadAnnotations)), None)
    if isinstance(before[-1], st.BatchForm) and not (isinstance(step, st.BatchForm) and step.collects):
        return f"{type(before[-1]).__name__} comes before it"
    if isinstance(step, st.LoadImage) or (isinstance(step, st.LoadAnnotations) and annotations is not None):
        return "it loads a second time"
    if "color" in needs and load.color == "gray":
        return "it needs images with three channels"
    if "boxes" in needs and (annotations is None or not annotations.with_bbox):
        return "it needs boxes, and none are loaded before it"
    if "uint8" in needs and any(other.gives_float() for other in before):
        return "the image is not uint8"
    with_mask = annotations is not None and annotations.with_mask
    if takes_from_cache(step) and with_mask:
        assert annotations is not None
        if annotations.poly2mask or step.img_scale[0] != step.img_scale[1]:
            return "it mixes masks that are bitmaps, or in a frame that is not square"
    if isinstance(step, st.FilterAnnotations) and step.by_mask and not with_mask:
        return "it needs masks, and none are loaded before it"
    if isinstance(step, st.MultiScaleFlipAug):
        return _why_not_views(step, before)
    if isinstance(step, st.TestTimeAug):
        return _why_not_lists(step, before)
    if isinstance(step, st.RandomChoice):
        return _why_not_choices(step, before)
    reason: str = step.why_not_native()
    return reason


def _why_not_masks(step: Any, polygons: bool | None) -> str:
    if isinstance(step, st.TestTimeAug):
        return next((why for view in step.views for one in view if (why := _why_not_masks(one, polygons))), "")
    if not isinstance(step, st.LoadAnnotations) or not step.with_mask:
        return ""
    if polygons is None:
        return "the core does not read masks of this kind"
    if not step.poly2mask and not polygons:
        return "poly2mask=False needs polygons, and the dataset has bitmaps"
    return "" if step.with_bbox else "masks are loaded without boxes"


def _why_not_lists(views: st.TestTimeAug, before: Sequence[Any]) -> str:
    """The core has one list of annotations for all views."""
    if any(isinstance(step, st.LoadAnnotations) for step in before):
        return "annotations are loaded before it"
    for steps in views.views:
        loads = [step for step in steps if isinstance(step, st.LoadAnnotations)]
        if loads != [step for step in views.views[0] if isinstance(step, st.LoadAnnotations)]:
            return "its views load annotations in different ways"
        after = steps[steps.index(loads[0]) + 1 :] if loads else ()
        if any(not isinstance(step, st.BatchForm) for step in after):
            return "its views change annotations"
        for number, step in enumerate(steps):
            reason = _why_not(step, [*before, *steps[:number]])
            if reason:
                return f"'{type(step).__name__}' among its transforms: {reason}"
    return ""


def _why_not_choices(choice: st.RandomChoice, before: Sequence[Any]) -> str:
    """Images of one batch are all uint8 or all float32, so that all lists have to give the same."""
    if len({any(step.gives_float() for step in steps) for steps in choice.choices}) > 1:
        return "some of its lists give float32 images and others do not"
    for steps in choice.choices:
        for number, step in enumerate(steps):
            reason = _why_not(step, [*before, *steps[:number]])
            if reason:
                return f"'{type(step).__name__}' among its transforms: {reason}"
    return ""


def _why_not_views(views: st.MultiScaleFlipAug, before: Sequence[Any]) -> str:
    inner = views.transforms
    if not any(isinstance(step, st.Resize) for step in inner):
        return "it has no Resize among its transforms"
    for number, step in enumerate(inner):
        if isinstance(step, st.Resize | st.RandomFlip):
            continue
        alone = isinstance(step, st.MultiScaleFlipAug | st.LoadImage)
        if alone or (isinstance(step, st.Step) and (step.facts.partners or step.may_reject())):
            return f"'{type(step).__name__}' is among its transforms"
        reason = _why_not(step, [*before, *inner[:number]])
        if reason:
            return f"'{type(step).__name__}' among its transforms: {reason}"
    return ""
