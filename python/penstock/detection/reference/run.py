"""One step on one sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from penstock.detection import augmentations, steps
from penstock.detection.reference import (
    affine,
    color,
    copy_paste,
    crop,
    expand,
    filter,
    flip,
    image_moves,
    load,
    mix,
    normalize,
    place,
    resize,
    views,
)
from penstock.detection.reference.results import Results, Wrappers, refuse
from penstock.detection.steps import BatchForm, Step
from penstock.errors import PenstockError, TransformError
from penstock.loading.draws import Draws, Stream

__all__ = ["Partners", "run_step"]

#: Gives the samples that a step mixes in, as the steps before the first of its kind have left them. It begins with
#: :func:`partner_indices` on the step's draws, and runs the steps with ``stream.part(n)``.
Partners = Callable[[Step, Draws], Sequence[Results]]

def _random_choice(step: steps.RandomChoice, results: Results, draws: Draws) -> Results | None:
    """The steps of the list that is drawn."""
    count = len(step.choices)
    chosen = draws.randint(0, count) if step.ratios is None else draws.weighted(step.ratios)
    for inner in step.choices[chosen]:
        changed = _ALONE[type(inner)](inner, results, draws)
        if changed is None:
            return None
        results = changed
    return results


_ALONE: dict[type, Callable[[Any, Results, Draws], Results | None]] = {
    steps.LoadImage: lambda step, results, draws: load.load_image(step, results),
    steps.Resize: resize.apply,
    steps.RandomFlip: flip.apply,
    steps.RandomShift: place.random_shift,
    steps.Pad: place.pad,
    steps.Normalize: normalize.apply,
    steps.RandomCrop: crop.random_crop,
    steps.PhotoMetricDistortion: color.photo_metric_distortion,
    steps.Expand: expand.apply,
    steps.MinIoURandomCrop: crop.min_iou_random_crop,
    steps.CutOut: place.cut_out,
    steps.RandomAffine: affine.apply,
    steps.YOLOXHSVRandomAug: color.hsv_random_aug,
    steps.FilterAnnotations: filter.apply,
    steps.RandomChoice: _random_choice,
    augmentations.ResizeShortestEdge: image_moves.apply,
    augmentations.ResizeScale: image_moves.apply,
    augmentations.ResizeExactly: image_moves.apply,
    augmentations.FixedSizeCrop: image_moves.apply,
    augmentations.RandomLevels: image_moves.apply,
}
_MIXING: dict[type, Callable[[Any, Results, Draws, Sequence[Results]], Results]] = {
    steps.Mosaic: mix.mosaic,
    steps.MixUp: mix.mix_up,
    steps.CopyPaste: copy_paste.apply,
}


def run_step(
    step: Step,
    results: Results,
    stream: Stream,
    number: int,
    partners: Partners | None = None,
    wrappers: Wrappers | None = None,
) -> Results | None:
    """Runs a step.

    Args:
        step: The step.
        results: The sample as the steps before have left it; it is changed, its arrays are not.
        stream: The random numbers of the sample.
        number: Of the step in its pipeline, from 0.
        partners: Needed by the steps that mix samples.
        wrappers: Needed by LoadAnnotations.

    Returns:
        The sample, or None where the step rejects it.

    Raises:
        TransformError: The step cannot work on this sample, where MMDetection's would fail too.
        MissingExtraError: OpenCV or pycocotools is not installed.
    """
    try:
        return _run(step, results, stream, number, partners, wrappers)
    except (PenstockError, MemoryError):
        raise
    except Exception as error:
        # What MMDetection's class would have raised, be it a missing key or OpenCV's own error.
        cause = " ".join(str(error).split()) or type(error).__name__
        raise TransformError(f"{type(step).__name__}: {cause}") from error


def _through(inner_steps: Sequence[Any], results: Results, draws: Draws, wrappers: Wrappers) -> Results:
    """One view of test-time augmentation."""
    for step in inner_steps:
        if isinstance(step, steps.LoadAnnotations):
            results = load.load_annotations(step, results, wrappers)
        elif isinstance(step, BatchForm):
            results = step(results)
        else:
            changed = _ALONE[type(step)](step, results, draws)
            if changed is None:
                refuse(step, "it rejects a view")
            results = changed
    return results


def _run(
    step: Step, results: Results, stream: Stream, number: int, partners: Partners | None, wrappers: Wrappers | None
) -> Results | None:
    kind = type(step)
    if kind in _ALONE:
        return _ALONE[kind](step, results, stream.step(number))
    if isinstance(step, BatchForm):
        return step(results)
    if isinstance(step, steps.LoadAnnotations):
        assert wrappers is not None, "the caller has to give wrappers"
        return load.load_annotations(step, results, wrappers)
    if kind in _MIXING:
        assert partners is not None, "the caller has to give partners"
        draws = stream.step(number)
        return _MIXING[kind](step, results, draws, partners(step, draws))
    if isinstance(step, steps.TestTimeAug):
        assert wrappers is not None, "the caller has to give wrappers"
        draws = stream.step(number)
        return views.of_lists([_through(view, dict(results), draws, wrappers) for view in step.views])
    assert isinstance(step, steps.MultiScaleFlipAug)

    def run_inner(inner: Any, view: Results, position: int) -> Results | None:
        if isinstance(inner, Step):
            return run_step(inner, view, stream, number + 1 + position, partners, wrappers)
        changed: Results | None = inner(view)
        return changed

    return views.apply(step, results, run_inner)
