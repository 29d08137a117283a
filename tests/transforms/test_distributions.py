"""The outcomes of random steps are distributed as those of MMDetection's classes on numpy's own generator.

64 comparisons, each with a false alarm in a million: below one in ten thousand for the file. Seeds are fixed.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from support.require import require

require("mmdet")

from mmdet.datasets import pipelines  # noqa: E402

from penstock.integrations.mmdet.pipeline.lowering import lower  # noqa: E402
from penstock.loading.draws import Stream  # noqa: E402
from support.detection_samples import make_sample  # noqa: E402
from support.oracle import Pool, through_step  # noqa: E402
from support.statistics import assert_same_distribution  # noqa: E402

RUNS = 1500
Outcome = Mapping[str, Hashable]


def plain_sample() -> dict[str, Any]:
    """An image whose pixels tell where they come from, and one box in its middle."""
    sample = make_sample(0, height=20, width=30, boxes=1)
    y, x = np.mgrid[0:20, 0:30]
    sample["img"] = np.stack([x * 8, y * 8, x + y], axis=-1).astype(np.uint8)
    sample["gt_bboxes"] = np.array([[10, 6, 20, 14]], np.float32)
    sample["gt_bboxes_ignore"] = np.zeros((0, 4), np.float32)
    sample["gt_labels"] = np.array([1])
    return sample


POOL = Pool([{**plain_sample(), "gt_labels": np.array([label])} for label in range(2, 7)])


def box_of(results: dict[str, Any]) -> Outcome:
    names = ("left", "top", "right", "bottom")
    boxes = results["gt_bboxes"]
    return dict(zip(names, boxes[0].round(3).tolist() if len(boxes) else [-1.0] * 4, strict=True))


def size_of(results: dict[str, Any]) -> Outcome:
    return {"height": results["img"].shape[0], "width": results["img"].shape[1], **box_of(results)}


def scale_of(results: dict[str, Any]) -> Outcome:
    return {"long": results["scale"][0], "short": results["scale"][1], "index": results["scale_idx"]}


def colors_of(results: dict[str, Any]) -> Outcome:
    image = results["img"].astype(np.float64)
    return {
        "first": round(image[10, 25, 0], 4),
        "last": round(image[10, 25, 2], 4),
        "order": tuple(np.argsort(image[2, 28])),
        "sum": round(image.sum(), 2),
    }


def holes_of(results: dict[str, Any]) -> Outcome:
    hidden = (results["img"] == 255).all(axis=-1)
    return {"area": int(hidden.sum()), "columns": int(hidden.any(axis=0).sum()), "corner": bool(hidden[-1, -1])}


def flip_of(results: dict[str, Any]) -> Outcome:
    return {"direction": results["flip_direction"]}


def mix_of(results: dict[str, Any]) -> Outcome:
    return {"labels": tuple(sorted(results["gt_labels"].tolist())), "mean": round(float(results["img"].mean()), 3)}


CASES: list[tuple[Any, Callable[[dict[str, Any]], Outcome]]] = [
    (pipelines.Resize([(60, 20), (40, 30)], "range"), scale_of),
    (pipelines.Resize([(60, 20), (40, 30), (50, 50)], "value"), scale_of),
    (pipelines.Resize((100, 50), ratio_range=(0.5, 2)), scale_of),
    (pipelines.RandomFlip(0.3), flip_of),
    (pipelines.RandomFlip([0.1, 0.2, 0.4], ["horizontal", "vertical", "diagonal"]), flip_of),
    (pipelines.RandomShift(0.7, max_shift_px=6), box_of),
    (pipelines.CutOut((0, 3), [(4, 5), (10, 2)], fill_in=(255, 255, 255)), holes_of),
    (pipelines.RandomCrop((12, 15), allow_negative_crop=True), box_of),
    (pipelines.RandomCrop((5, 25), "absolute_range", allow_negative_crop=True), size_of),
    (pipelines.RandomCrop((0.3, 0.6), "relative_range", allow_negative_crop=True), size_of),
    (pipelines.PhotoMetricDistortion(), colors_of),
    (pipelines.Expand((1, 2, 3), prob=0.6), size_of),
    (pipelines.MinIoURandomCrop(), size_of),
    (pipelines.RandomAffine(bbox_clip_border=False), box_of),
    (pipelines.YOLOXHSVRandomAug(), colors_of),
    (pipelines.Mosaic((20, 30), prob=0.8), mix_of),
    (pipelines.MixUp((20, 30)), mix_of),
    (pipelines.CopyPaste(), mix_of),
]


def outcomes(run: Callable[[int], dict[str, Any]], look: Callable[[dict[str, Any]], Outcome]) -> dict[str, list[Any]]:
    rows = [look(run(index)) for index in range(RUNS)]
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.fixture
def numpy_seeded() -> Iterator[None]:
    states = np.random.get_state(), random.getstate()
    np.random.seed(77)
    random.seed(77)
    yield
    np.random.set_state(states[0])
    random.setstate(states[1])


@pytest.mark.filterwarnings("ignore:Conversion of an array with ndim:DeprecationWarning")
@pytest.mark.parametrize(("transform", "look"), CASES, ids=[type(case[0]).__name__ for case in CASES])
def test_outcomes_are_distributed_as_mmdetections(transform: Any, look: Any, numpy_seeded: None) -> None:
    (step,) = lower([transform])

    def theirs(_: int) -> dict[str, Any]:
        sample = copy.deepcopy(plain_sample())
        if hasattr(transform, "get_indexes"):
            indices = transform.get_indexes(POOL)
            sample["mix_results"] = [
                POOL.sample(index) for index in (indices if isinstance(indices, list) else [indices])
            ]
        return transform(sample)  # type: ignore[no-any-return]

    def ours(index: int) -> dict[str, Any]:
        return through_step(step, plain_sample(), Stream(3, 0, index), 2, POOL)  # type: ignore[no-any-return]

    expected, actual = outcomes(theirs, look), outcomes(ours, look)
    for name, values in actual.items():
        assert_same_distribution(values, expected[name], name)
    # The comparison would see a change: outcomes do vary.
    assert any(len(set(values)) > 1 for values in actual.values())
