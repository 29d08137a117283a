"""Steps that drop or add boxes and not their masks, and the steps after them, against MMDetection's own classes."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from mmdet.datasets import pipelines

from penstock.integrations.mmdet.pipeline.lowering import lower
from penstock.loading.draws import Stream
from support.detection_samples import make_sample
from support.examples import examples
from support.oracle import Pool, same_failure_or_result, through_mmdet, through_step

SEEDS = st.integers(0, 2**32)
SIZES = st.tuples(st.integers(10, 90), st.integers(10, 90))
STEPS = st.one_of(
    st.builds(pipelines.RandomShift, st.just(1.0), st.integers(1, 40), st.integers(0, 9)),
    st.builds(pipelines.Mosaic, img_scale=st.sampled_from([(30, 40), (60, 80)]), skip_filter=st.booleans()),
    st.builds(pipelines.MixUp, img_scale=SIZES, skip_filter=st.booleans()),
    st.builds(pipelines.RandomCrop, SIZES, allow_negative_crop=st.booleans(), recompute_bbox=st.booleans()),
    st.builds(pipelines.MinIoURandomCrop, min_ious=st.just((0.0, 0.1))),
    st.builds(
        pipelines.FilterAnnotations,
        min_gt_bbox_wh=st.sampled_from([(1, 1), (20, 20), (50, 50)]),
        min_gt_mask_area=st.sampled_from([0, 1, 400]),
        by_mask=st.booleans(),
        keep_empty=st.booleans(),
    ),
    st.builds(pipelines.CopyPaste, selected=st.booleans(), bbox_occluded_thr=st.sampled_from([0, 10])),
    st.builds(pipelines.RandomFlip, st.just(1.0)),
    st.builds(pipelines.Pad, size=st.sampled_from([(60, 80), (90, 90)])),
    st.builds(pipelines.Resize, st.just([(60, 80)]), keep_ratio=st.booleans(), override=st.just(True)),
)


def _run(through: Any, steps: Sequence[Any], results: Any, stream: Stream, pool: Pool) -> Any:
    results = copy.deepcopy(results)
    for number, step in enumerate(steps):
        if results is None:
            return None
        dtype = results["img"].dtype
        results = through(step, results, stream, number, pool)
        if results is not None:
            # MMDetection's CopyPaste gives int64, which its own next step may refuse; the values are the same.
            results["img"] = results["img"].astype(dtype)
    return results


@examples(300, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(STEPS, min_size=2, max_size=3),
    st.sampled_from(["none", "bitmap", "polygon"]),
    st.lists(st.tuples(SEEDS, st.integers(0, 6)), min_size=4, max_size=4),
    SEEDS,
)
def test_as_mmdetection(transforms: list[Any], masks: Any, recipes: list[tuple[int, int]], seed: int) -> None:
    """The same result to the last bit, or an error where MMDetection's classes raise one."""
    sample, *others = (make_sample(number, boxes=boxes, masks=masks) for number, boxes in recipes)
    pool, stream = Pool(others), Stream(seed, 0, 0)
    same_failure_or_result(
        lambda: _run(through_mmdet, copy.deepcopy(transforms), sample, stream, pool),
        lambda: _run(through_step, lower(transforms), sample, stream, pool),
        "|".join(type(transform).__name__ for transform in transforms),
    )


@pytest.mark.parametrize("boxes, masks", [(1, 3), (3, 1), (0, 1), (1, 0), (2, 3), (3, 2)])
@pytest.mark.parametrize("by_box", [True, False])
def test_filter_of_boxes_and_masks_of_different_number(boxes: int, masks: int, by_box: bool) -> None:
    """numpy's "&" repeats a list of one, so that some of these work."""
    sample, other = make_sample(0, boxes=boxes, masks="bitmap"), make_sample(1, boxes=masks, masks="bitmap")
    sample["gt_masks"] = other["gt_masks"]
    for area in (0, 1, 500, 10**9):
        for keep_empty in (True, False):
            transform = pipelines.FilterAnnotations((1, 1), area, by_box=by_box, by_mask=True, keep_empty=keep_empty)
            same_failure_or_result(
                lambda transform=transform: _run(through_mmdet, [transform], sample, Stream(0, 0, 0), Pool([])),
                lambda transform=transform: _run(through_step, lower([transform]), sample, Stream(0, 0, 0), Pool([])),
                "FilterAnnotations",
            )


def test_fewer_boxes_than_masks_keep_the_masks_of_the_same_numbers() -> None:
    """What MMDetection gives: the masks are those of other objects, and as many as the boxes."""
    sample = make_sample(0, boxes=4, masks="bitmap")
    sample["gt_bboxes"] = np.array([[10, 10, 30, 30], [20, 20, 50, 50]], np.float32)
    sample["gt_labels"] = sample["gt_labels"][:2]
    crop = pipelines.RandomCrop((60, 80))
    (step,) = lower([crop])
    result = _run(through_step, [step], sample, Stream(0, 0, 0), Pool([]))
    assert len(result["gt_bboxes"]) == len(result["gt_masks"]) == 2
    np.testing.assert_array_equal(result["gt_masks"].masks, sample["gt_masks"].masks[:2])
