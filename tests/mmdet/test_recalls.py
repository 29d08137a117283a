"""Recall of proposals, which MMDetection cannot compute with today's numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from penstock.errors import ConfigError
from support.coco_lakes import CocoPair
from support.detection import LOAD, stock_dataset
from support.detections import detections, proposals
from support.old_numpy import recall_of_old_numpy
from support.require import require

require("mmdet")

from penstock.integrations.mmdet import build_dataset  # noqa: E402
from penstock.integrations.mmdet.data.recalls import recalls_of  # noqa: E402

NUMBERS, THRESHOLDS = (1, 4, 20), [0.3, 0.5, 0.75]


def overlaps(boxes: Any, others: Any, extra: float) -> Any:
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:4], others[None, :, 2:4])
    common = np.clip(high - low + extra, 0, None).prod(axis=2)
    areas = [(found[:, 2:4] - found[:, :2] + extra).prod(axis=1) for found in (boxes, others)]
    return common / (areas[0][:, None] + areas[1][None] - common)


def recalls_by_pairs(truths: Any, found: Any, extra: float) -> Any:
    """Takes pairs of an object and a proposal in the order of their overlap, each object and proposal once."""
    matched: list[list[float]] = [[] for _ in NUMBERS]
    for boxes, candidates in zip(truths, found, strict=True):
        best = candidates[np.argsort(candidates[:, 4])[::-1]]
        for row, number in enumerate(NUMBERS):
            pairs = overlaps(boxes.astype(float), best[:number].astype(float), extra)
            order = sorted(np.ndindex(pairs.shape), key=lambda pair: -pairs[pair])
            objects, taken = set(range(len(boxes))), set()
            for one, other in order:
                if one in objects and other not in taken:
                    objects.remove(one)
                    taken.add(other)
                    matched[row].append(float(pairs[one, other]))
    total = sum(map(len, truths))
    return [[sum(overlap >= threshold for overlap in row) / total for threshold in THRESHOLDS] for row in matched]


@pytest.mark.parametrize("legacy", [False, True])
def test_recall_is_that_of_pairs_by_overlap(legacy: bool) -> None:
    rng = np.random.default_rng(2)
    truths, found = [], []
    for objects, candidates in ((3, 5), (0, 4), (6, 0), (5, 30), (1, 1), (8, 12)):
        corners = rng.uniform(0, 60, (objects, 2))
        truths.append(np.concatenate((corners, corners + rng.uniform(5, 40, (objects, 2))), axis=1).astype("f4"))
        around = truths[-1] if objects else np.array([[5, 5, 20, 20]], "f4")
        near = around[rng.integers(len(around), size=candidates)] + rng.normal(0, 4, (candidates, 4))
        found.append(np.concatenate((near, rng.random((candidates, 1))), axis=1).astype("f4"))
    own = recalls_of(truths, found, NUMBERS, THRESHOLDS, legacy=legacy, logger="silent")
    np.testing.assert_allclose(own, recalls_by_pairs(truths, found, float(legacy)), rtol=1e-12)
    assert len(np.unique(own)) > 4


def test_without_objects_there_is_no_share_of_them() -> None:
    empty = np.zeros((0, 4), np.float32)
    assert np.isnan(recalls_of([empty], [np.zeros((2, 5))], 10, 0.5, logger="silent")).all()


@pytest.mark.parametrize("options", [{}, {"proposal_nums": NUMBERS, "iou_thrs": np.array(THRESHOLDS)}], ids=str)
@pytest.mark.parametrize("name", ["awkward", "ingested"])
def test_fast_proposals_are_stocks(coco_pair: Callable[[str], CocoPair], name: str, options: dict[str, Any]) -> None:
    pair = coco_pair(name)
    stock = stock_dataset(pair, LOAD, test_mode=True)
    own = build_dataset({"deeplake_path": str(pair.lake), "pipeline": LOAD}, {"test_mode": True})
    results = proposals(stock, 0.1)
    with pytest.raises(ValueError, match="inhomogeneous"):
        stock.fast_eval_recall(results, (100,), np.array([0.5]))
    with recall_of_old_numpy():
        expected = stock.evaluate(results, metric=["proposal_fast", "proposal"], **options)
    found = own.evaluate(results, metric=["proposal_fast", "proposal"], **options)
    assert list(found) == list(expected)
    assert list(found.values()) == pytest.approx(list(expected.values()), rel=1e-12)


def test_detections_are_no_proposals(awkward: CocoPair) -> None:
    stock = stock_dataset(awkward, LOAD, test_mode=True)
    own = build_dataset({"deeplake_path": str(awkward.lake), "pipeline": LOAD}, {"test_mode": True})
    with pytest.raises(ConfigError, match="recall is that of proposals"):
        own.evaluate(detections(stock, 0.1), metric="proposal_fast")
