"""From MMDetection 3's transforms to the steps that the loaders have themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from mmcv.transforms import RandomChoice, TestTimeAug
from mmdet.structures.mask import BitmapMasks, PolygonMasks

from penstock.detection import steps
from penstock.detection.reference import Wrappers
from penstock.detection.steps import PythonStep, Step
from penstock.integrations.mmdet3.data.load_image import LoadImageFromDeepLake
from penstock.integrations.mmdet3.pipeline import results
from penstock.integrations.mmdet3.pipeline.conversions import CONVERSIONS, Before
from penstock.integrations.openmmlab.arguments import NotNativeError, not_native

__all__ = ["WRAPPERS", "kind_of_step", "lower"]

#: What the steps make MMDetection's own objects with, and how its transforms take their results.
WRAPPERS = Wrappers(
    bitmap_masks=BitmapMasks,
    polygon_masks=PolygonMasks,
    annotations=results.annotations_of,
    outgoing=results.outgoing,
    incoming=results.incoming,
    ignored_among=True,
)


def lower(transforms: Sequence[Any]) -> list[Step | PythonStep]:
    """The steps that stand for the transforms of a pipeline, one for each.

    A transform becomes a step when it is exactly of MMDetection's class (a subclass or a class registered in its
    place may do anything) and when the step can express its arguments. All others stay as they are.

    Args:
        transforms: MMDetection's objects, ``LoadImageFromDeepLake`` and any others, as ``Compose`` holds them.
    """
    reason = _why_all_stay(transforms)
    if not reason:
        return _lower_all(transforms, Before())
    return [
        _lower_one(each, Before()) if isinstance(each, LoadImageFromDeepLake) else PythonStep(each, reason)
        for each in transforms
    ]


def kind_of_step(transform: Any) -> type[Step] | None:
    """The kind of step that a transform is, whatever its arguments; None where penstock has no step of its kind."""
    if type(transform) in _OF_LISTS:
        return _OF_LISTS[type(transform)][0]
    kind, _ = CONVERSIONS.get(type(transform), (None, None))
    return kind


def _why_all_stay(transforms: Iterable[Any]) -> str:
    """Why no transform of a pipeline can become a step, but the one that loads; "" where they can."""
    for transform in transforms:
        # Those of test-time augmentation, and of a choice.
        chosen_from = transform.transforms if type(transform) is RandomChoice else ()
        for one in (*getattr(transform, "subroutines", ()), *chosen_from):
            reason = _why_all_stay(one.transforms)
            if reason:
                return reason
        if getattr(transform, "box_type", "hbox") != "hbox":
            return f"boxes are loaded as box_type={transform.box_type!r}"
        if "homography_matrix" in (getattr(transform, "meta_keys", None) or ()):
            return "the pipeline asks for the note 'homography_matrix'"
    return ""


def _lower_all(transforms: Iterable[Any], before: Before) -> list[Step | PythonStep]:
    lowered = []
    for transform in transforms:
        step = _lower_one(transform, before)
        lowered.append(step)
        if isinstance(step, steps.LoadImage):
            before = replace(before, gray=step.color == "gray")
        if isinstance(step, steps.LoadAnnotations):
            before = replace(before, masks=step.with_mask, outlines=step.with_mask and not step.poly2mask)
        if isinstance(step, Step) and step.gives_float():
            before = replace(before, floating=True)
    return lowered


def _lower_one(transform: Any, before: Before) -> Step | PythonStep:
    kind = type(transform)
    name = "LoadImageFromFile" if kind is LoadImageFromDeepLake else getattr(transform, "__qualname__", kind.__name__)
    try:
        if kind in _OF_LISTS:
            return _OF_LISTS[kind][1](transform, before)
        if kind in CONVERSIONS:
            _, convert = CONVERSIONS[kind]
            return convert(transform, before)
    except NotNativeError as error:
        return PythonStep(transform, f"{name}({error}) has no native version")
    if kind.__module__.startswith(("mmdet.datasets.transforms.", "mmcv.transforms.")):
        return PythonStep(transform, f"{name} has no native version")
    return PythonStep(transform, f"{name} is not one of MMDetection's own")


def _random_choice(transform: Any, before: Before) -> Step:
    choices = _lists(transform.transforms, before, (steps.LoadAnnotations, steps.BatchForm, steps.TestTimeAug))
    prob = transform.prob
    return steps.RandomChoice(choices=choices, ratios=None if prob is None else tuple(prob))


def _test_time_aug(transform: Any, before: Before) -> Step:
    views = _lists(transform.subroutines, before, (steps.TestTimeAug,))
    for view in views:
        for step in view:
            if step.may_reject():
                raise not_native(transforms=type(step).__name__)
    return steps.TestTimeAug(views=views)


def _lists(
    composed: Iterable[Any], before: Before, refused: tuple[type[Step], ...]
) -> tuple[tuple[Step, ...], ...]:
    """The steps of each of several lists of transforms."""
    lists = []
    for one in composed:
        lowered = _lower_all(one.transforms, before)
        for step in lowered:
            if isinstance(step, PythonStep):
                raise not_native(transforms=type(step.transform).__name__)
            if step.facts.partners or isinstance(step, (*refused, steps.LoadImage)):
                raise not_native(transforms=type(step).__name__)
        lists.append(tuple(step for step in lowered if isinstance(step, Step)))
    return tuple(lists)


#: What is made of lists of other transforms.
_OF_LISTS: dict[type, tuple[type[Step], Callable[[Any, Before], Step]]] = {
    RandomChoice: (steps.RandomChoice, _random_choice),
    TestTimeAug: (steps.TestTimeAug, _test_time_aug),
}
