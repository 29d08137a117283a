"""Training and evaluation in several processes."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.coco_lakes import CocoPair
from support.require import require

require("mmdet")

from support import rank_work  # noqa: E402
from support.ranks import run_on_ranks  # noqa: E402


@pytest.mark.parametrize(("loader_type", "world_size"), [("c++", 3), ("python", 2)])
def test_ranks_share_an_epoch(awkward: CocoPair, native: Any, loader_type: str, world_size: int) -> None:
    from penstock.integrations.mmdet import build_dataset
    from support.detection import augmenting

    ranks = run_on_ranks(world_size, rank_work.epochs_of_indices, awkward, loader_type)
    dataset = build_dataset({"pipeline": augmenting(), "deeplake_path": str(awkward.lake)})
    group_of = {info["filename"]: flag for info, flag in zip(dataset.data_infos, dataset.flag, strict=True)}
    step = 2 * world_size
    for epoch in range(2):
        batches = [rank["train"][epoch] for rank in ranks]
        assert {len(own) for own in batches} == {ranks[0]["length"]}
        for batch in chain(*batches):
            assert len(batch) == 2
            assert len({group_of[name] for name in batch}) == 1
        counts = Counter(chain(*chain(*batches)))
        assert set(counts) == set(group_of)
        for group in set(group_of.values()):
            size = sum(flag == group for flag in group_of.values())
            filled = sum(count for name, count in counts.items() if group_of[name] == group)
            assert filled == -(-size // step) * step
            assert {counts[name] - filled // size for name in counts if group_of[name] == group} <= {0, 1}
    assert [rank["train"][0] for rank in ranks] == [rank["again"] for rank in ranks]
    assert ranks[0]["train"][0] != ranks[0]["train"][1]
    val = [info["filename"] for info in dataset_of_val(awkward).data_infos]
    in_turns = [name for batches in zip(*(rank["val"] for rank in ranks), strict=True) for name in chain(*batches)]
    assert in_turns[: len(val)] == val
    assert len(in_turns) - len(val) < world_size


def dataset_of_val(pair: CocoPair) -> Any:
    from penstock.integrations.mmdet import build_dataset
    from support.detection import TEST_PIPELINE

    return build_dataset({"pipeline": TEST_PIPELINE, "deeplake_path": str(pair.lake)}, {"test_mode": True})


@pytest.mark.parametrize(("loader_type", "world_size"), [("c++", 2), ("python", 3)])
def test_metrics_are_those_of_one_process(
    awkward: CocoPair, native: Any, loader_type: str, world_size: int
) -> None:
    (results, metrics), *others = run_on_ranks(world_size, rank_work.evaluate, awkward, loader_type)
    assert others == [(None, None)] * (world_size - 1)
    expected, expected_metrics = rank_work.evaluate(awkward, loader_type)
    assert len(results) == len(expected)
    for found, wanted in zip(results, expected, strict=True):
        for boxes, wanted_boxes in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(boxes, wanted_boxes)
    assert sum(len(boxes) for boxes in chain(*expected)) > 0
    assert metrics == expected_metrics


@pytest.mark.parametrize(("loader_type", "world_size"), [("c++", 3), ("python", 2)])
def test_weights_stay_in_step(
    awkward: CocoPair, native: Any, loader_type: str, world_size: int, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"deeplake_dataloader_type": loader_type, "optimizer_config": {}}
    settings["optimizer"] = {"type": "SGD", "lr": 0.0002, "momentum": 0.9}
    ranks = run_on_ranks(world_size, _train, awkward, str(tmp_path / "ranks"), {"validate": True}, settings)
    first = ranks[0]
    assert len(first.weights) > 1
    assert len(set(first.weights)) == len(first.weights)
    for other in ranks[1:]:
        # Losses are the mean over the ranks.
        assert (other.weights, other.losses) == (first.weights, first.losses)
    # This model's loss is a sum over images, and theirs a mean over ranks.
    settings["optimizer"] = {"type": "SGD", "lr": 0.0002 / world_size, "momentum": 0.9}
    alone = rank_work.train(awkward, str(tmp_path / "alone"), {"samples": 2 * world_size}, **settings)
    for step, images in enumerate(alone.images):
        assert images == list(chain(*(rank.images[step] for rank in ranks)))
    assert first.losses == pytest.approx([loss / world_size for loss in alone.losses], rel=1e-4)


def _train(pair: CocoPair, work_dir: str, options: dict[str, Any], settings: dict[str, Any]) -> Any:
    return rank_work.train(pair, work_dir, options, **settings)
