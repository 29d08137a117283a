"""MMDetection 3's own transforms as the oracle of the native steps: both are fed the same random numbers."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from mmdet.structures.bbox import HorizontalBoxes

from penstock.detection.reference import partner_indices, run_step
from penstock.detection.steps import Step
from penstock.errors import TransformError
from penstock.integrations.mmdet3.pipeline.conversions import Before
from penstock.integrations.mmdet3.pipeline.lowering import WRAPPERS, _lower_all
from penstock.loading.draws import Draws, Stream
from support.detection_samples import Masks, make_sample
from support.fed_draws import assert_same, drawing_from, numpy_silent

__all__ = ["Pool", "check_step", "make_sample3", "samples3", "through_both"]

Results = dict[str, Any]
#: What MMDetection notes and no step does: a pipeline that asks for it stays in Python.
_NOT_NOTED = ("homography_matrix",)


def make_sample3(seed: int, *, masks: Masks = "none", **options: Any) -> Results:
    """A sample as MMDetection 3's LoadAnnotations leaves it."""
    sample = make_sample(seed, masks=masks, **options)
    flags = np.random.default_rng(seed + 1).random(len(sample["gt_bboxes"])) < 0.3
    return {
        "img": sample["img"],
        "img_shape": sample["img_shape"][:2],
        "ori_shape": sample["ori_shape"][:2],
        "img_path": "a.jpg",
        "img_id": 7,
        "gt_bboxes": HorizontalBoxes(sample["gt_bboxes"]),
        "gt_bboxes_labels": sample["gt_labels"],
        "gt_ignore_flags": flags,
        **({"gt_masks": sample["gt_masks"]} if masks != "none" else {}),
        **({"gt_seg_map": sample["gt_semantic_seg"]} if sample["seg_fields"] else {}),
    }


@st.composite
def samples3(
    draw: st.DrawFn,
    *,
    largest: int = 200,
    gray: bool | None = None,
    floating: bool | None = None,
    masks: tuple[Masks, ...] = ("none", "bitmap", "polygon"),
) -> Results:
    """Any sample; arguments narrow it down."""
    return make_sample3(
        draw(st.integers(0, 2**32)),
        height=draw(st.integers(1, largest) | st.just(1)),
        width=draw(st.integers(1, largest) | st.just(1)),
        boxes=draw(st.integers(0, 6)),
        gray=draw(st.booleans()) if gray is None else gray,
        floating=draw(st.booleans()) if floating is None else floating,
        masks=draw(st.sampled_from(masks)),
        odd_boxes=draw(st.booleans()),
        segmentation=draw(st.booleans()),
    )


class Pool:
    """Other samples to mix with: a dataset as MMDetection's transforms see one, which have no other than its items."""

    def __init__(self, samples: Sequence[Results]) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> Results:
        return copy.deepcopy(self._samples[index])

    def before(self, age: int) -> int:
        """Some sample of each age."""
        return age % len(self)

    def count_boxes(self, index: int) -> int:
        return len(self._samples[index]["gt_bboxes"])


def check_step(transform: Any, results: Results, seed: int = 0, pool: Pool | None = None, close: float = 0) -> Any:
    """Asserts that MMDetection's transform and its step give the same of the same draws, or both fail.

    Also that the step leaves the arrays that it was given as they were.

    Args:
        transform: MMDetection's.
        results: A sample in MMDetection's form.
        seed: Of the draws.
        pool: Other samples, where the transform mixes.
        close: By how much boxes may differ.

    Returns:
        What the step gave, in MMDetection's form; None also where both failed.
    """
    step = lowered(transform, results)
    assert isinstance(step, Step), step
    stream = Stream(seed, 1, 2)
    before = copy.deepcopy(results)
    name = "|".join({type(part).__name__ for part in (step, *_inner(step))})
    with numpy_silent():
        try:
            expected = through_mmdet(transform, copy.deepcopy(results), stream, 5, pool)
        except Exception:
            with pytest.raises(TransformError, match=name):
                through_step(step, results, stream, 5, pool)
            return None
        actual = through_step(step, results, stream, 5, pool)
    assert_same3(actual, expected, close)
    for key, value in before.items():
        assert_same(results[key], value, f"input {key}")
    return actual


def lowered(transform: Any, results: Results) -> Any:
    """The step of a transform that gets a sample."""
    image = results["img"]
    before = Before(floating=image.dtype == np.float32, gray=image.ndim == 2, masks="gt_masks" in results)
    (step,) = _lower_all([transform], before)
    return step


def assert_same3(actual: Any, expected: Any, close: float = 0) -> None:
    """Equal to the last bit, but for boxes by ``close``, and for what no step notes."""
    if expected is not None:
        expected = {key: value for key, value in expected.items() if key not in _NOT_NOTED}
    if close and expected is not None and actual is not None:
        np.testing.assert_allclose(actual["gt_bboxes"].numpy(), expected["gt_bboxes"].numpy(), atol=close, rtol=1e-4)
        actual, expected = ({**one, "gt_bboxes": None} for one in (actual, expected))
    assert_same(actual, expected)


def through_both(transforms: Sequence[Any], results: Results, stream: Stream, pool: Pool | None = None) -> Any:
    """Runs a whole pipeline through both, each on its own results; gives (the steps', MMDetection's)."""
    ours: Any = copy.deepcopy(results)
    theirs: Any = copy.deepcopy(results)
    for number, transform in enumerate(transforms):
        step = lowered(transform, ours)
        assert isinstance(step, Step), step
        with numpy_silent():
            theirs = through_mmdet(transform, theirs, stream, number, pool)
        ours = through_step(step, ours, stream, number, pool)
        if theirs is None or ours is None:
            break
    return ours, theirs


def through_mmdet(transform: Any, results: Results, stream: Stream, number: int, pool: Pool | None) -> Any:
    with drawing_from(stream.step(number)):
        if hasattr(transform, "results_cache"):
            return _through_cached(transform, results, stream.step(number), pool)
        if not hasattr(transform, "get_indexes"):
            return transform(results)
        assert pool is not None
        indices = transform.get_indexes(pool)
        indices = indices if isinstance(indices, list) else [indices]
        results["mix_results"] = [pool[index] for index in indices]
        changed = transform(results)
        changed.pop("mix_results")
        return changed


def _through_cached(transform: Any, results: Results, draws: Draws, pool: Pool | None) -> Any:
    """A transform with a cache, in which lies what our step mixes in: it takes these in the order of the cache.

    MMDetection draws which images of the cache it takes after it has drawn whether it mixes at all; our step first
    draws which samples of the dataset, and then goes on as MMDetection does.
    """
    assert pool is not None
    step = lowered(transform, results)
    chosen = partner_indices(step, draws, len(pool), pool.count_boxes, pool.before)
    transform = copy.copy(transform)
    # It mixes once more images are cached than it takes.
    filling = [pool[0] for _ in range(5)]
    transform.results_cache = [*(pool[index] for index in chosen), *filling]
    transform.max_cached_images = 100
    # The class's own would draw from a cache; what is chosen stands first.
    order = list(range(len(chosen)))
    transform.get_indexes = lambda cache: order if len(order) > 1 else order[0]
    with drawing_from(draws):
        return transform(results)


def through_step(step: Any, results: Results, stream: Stream, number: int, pool: Pool | None) -> Any:
    def partners(mixing: Any, draws: Draws) -> list[Results]:
        assert pool is not None
        indices = partner_indices(mixing, draws, len(pool), pool.count_boxes, pool.before)
        return [WRAPPERS.incoming(pool[index]) for index in indices]

    changed = run_step(step, WRAPPERS.incoming(dict(results)), stream, number, partners, WRAPPERS)
    return WRAPPERS.outgoing(changed)


def _inner(step: Any) -> list[Any]:
    return [inner for choice in getattr(step, "choices", ()) for inner in choice]
