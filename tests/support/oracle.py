"""MMDetection's own transforms as the oracle of the native steps: both are fed the same random numbers."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import pytest

from penstock.detection.reference import partner_indices, run_step
from penstock.detection.steps import Step
from penstock.errors import TransformError
from penstock.integrations.mmdet.pipeline.lowering import WRAPPERS, lower
from penstock.loading.draws import Draws, Stream
from support.fed_draws import assert_same, drawing_from, numpy_silent

__all__ = ["Pool", "assert_same", "check_step", "drawing_from", "same_failure_or_result", "through_both"]

Results = dict[str, Any]


class Pool:
    """Other samples to mix with, as MMDetection's transforms see their dataset."""

    def __init__(self, samples: Sequence[Results]) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return len(self._samples)

    def get_ann_info(self, index: int) -> dict[str, Any]:
        return {"bboxes": self._samples[index]["gt_bboxes"]}

    def count_boxes(self, index: int) -> int:
        return len(self._samples[index]["gt_bboxes"])

    def sample(self, index: int) -> Results:
        return copy.deepcopy(self._samples[index])


def check_step(transform: Any, results: Results, seed: int = 0, pool: Pool | None = None) -> Results | None:
    """Asserts that MMDetection's transform and its step give the same of the same draws, or both fail.

    Also that the step leaves the arrays that it was given as they were.

    Returns:
        What the step gave; None also where both failed.
    """
    (step,) = lower([transform])
    assert isinstance(step, Step), step
    stream = Stream(seed, 1, 2)
    before = copy.deepcopy(results)
    # LoadAnnotations appends to the lists of fields.
    ours = {key: list(value) if isinstance(value, list) else value for key, value in results.items()}
    outcome = same_failure_or_result(
        lambda: through_mmdet(transform, copy.deepcopy(results), stream, 5, pool),
        lambda: through_step(step, ours, stream, 5, pool),
        # One of its transforms may be the one that fails.
        "|".join(type(part).__name__ for part in (step, *getattr(step, "transforms", ()))),
    )
    for key, value in before.items():
        assert_same(results[key], value, f"input {key}")
    return outcome


def same_failure_or_result(theirs: Any, ours: Any, name: str) -> Any:
    """Runs both; where MMDetection's raises, the step has to raise TransformError with its name."""
    with numpy_silent():
        try:
            expected = theirs()
        except Exception:
            with pytest.raises(TransformError, match=name):
                ours()
            return None
        actual = ours()
    assert_same(actual, expected)
    return actual


def through_both(transforms: Sequence[Any], results: Results, stream: Stream, pool: Pool | None = None) -> Any:
    """Runs a whole pipeline through both, each on its own results; gives (the steps', MMDetection's)."""
    ours: Any = copy.deepcopy(results)
    theirs: Any = copy.deepcopy(results)
    for number, (transform, step) in enumerate(zip(transforms, lower(transforms), strict=True)):
        assert isinstance(step, Step), step
        if theirs is not None:
            with numpy_silent():
                theirs = through_mmdet(transform, theirs, stream, number, pool)
        if ours is not None:
            ours = through_step(step, ours, stream, number, pool)
    return ours, theirs


def through_mmdet(transform: Any, results: Results, stream: Stream, number: int, pool: Pool | None) -> Any:
    with drawing_from(stream.step(number)):
        if not hasattr(transform, "get_indexes"):
            return transform(results)
        assert pool is not None
        indices = transform.get_indexes(pool)
        indices = indices if isinstance(indices, list) else [indices]
        results["mix_results"] = [pool.sample(index) for index in indices]
        changed = transform(results)
        changed.pop("mix_results")
        return changed


def through_step(step: Any, results: Results, stream: Stream, number: int, pool: Pool | None) -> Any:
    def partners(mixing: Any, draws: Draws) -> list[Results]:
        assert pool is not None
        return [pool.sample(index) for index in partner_indices(mixing, draws, len(pool), pool.count_boxes)]

    return run_step(step, results, stream, number, partners, WRAPPERS)
