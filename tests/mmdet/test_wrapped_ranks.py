"""MMDetection's dataset wrappers in several processes: together they load what one process would."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np
import pytest

from support.coco_lakes import CocoPair, write_coco_lake
from support.detection import LOAD, TEST_PIPELINE, augmenting
from support.require import require

require("mmdet")

from support.rank_work import Sample, wrapped_epochs, wrapped_metrics  # noqa: E402
from support.ranks import run_on_ranks  # noqa: E402
from support.wrapped import balanced, concat, leaf, mixed, repeat, stock_tree, yolox  # noqa: E402

COMMON = ["dog", "cat"]
BATCH = 2
NAMES = ["repeat", "list", "concat of all kinds", "balanced of repeat of concat", "mixed"]

#: Batches of two epochs, of each tree, on each rank.
Epochs = list[dict[str, list[list[list[Sample]]]]]


@pytest.fixture(scope="module")
def trees(coco_pair: Callable[[str], CocoPair]) -> dict[str, Any]:
    pipeline = augmenting(64)
    # Of one size, whatever else is in a batch.
    pipeline[-3] = {"type": "Pad", "size": (128, 128)}
    one, other = (leaf(coco_pair(name), pipeline, COMMON) for name in ("awkward", "val"))
    plain = [leaf(coco_pair(name), LOAD, COMMON) for name in ("awkward", "val")]
    return {
        "repeat": repeat(one, 3),
        "list": [other, one, other],
        "concat of all kinds": concat(balanced(one), repeat(other, 2), one),
        "balanced of repeat of concat": balanced(repeat(concat(one, other), 2), 0.9),
        "mixed": mixed(repeat(concat(*plain), 2), yolox()),
    }


@pytest.fixture(scope="module")
def validated(awkward: CocoPair, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two datasets, the second of the first's first three images; together they do not divide by the ranks."""
    folder = tmp_path_factory.mktemp("few")
    content = json.loads(awkward.annotations.read_text())
    content["images"] = content["images"][:3]
    kept = {image["id"] for image in content["images"]}
    content["annotations"] = [one for one in content["annotations"] if one["image_id"] in kept]
    few = folder / "instances.json"
    few.write_text(json.dumps(content))
    return [leaf(awkward, TEST_PIPELINE), leaf(write_coco_lake(folder / "lake", few, awkward.images), TEST_PIPELINE)]


@pytest.fixture(scope="module", params=[("c++", 2), ("python", 3)], ids=["c++ on 2", "python on 3"])
def group(
    request: pytest.FixtureRequest, native: Any, awkward: CocoPair, trees: dict[str, Any], validated: Any
) -> tuple[str, list[Any]]:
    """The loader type, and what each rank loads and measures."""
    loader_type, world_size = request.param
    return loader_type, run_on_ranks(world_size, _on_rank, awkward, trees, validated, loader_type)


def _on_rank(pair: CocoPair, trees: dict[str, Any], validated: Any, loader_type: str) -> Any:
    return wrapped_epochs(trees, loader_type, BATCH), wrapped_metrics(pair, validated, loader_type)


@pytest.mark.parametrize("name", NAMES)
def test_ranks_load_what_one_process_would(group: tuple[str, list[Any]], trees: dict[str, Any], name: str) -> None:
    loader_type, ranks = group
    world_size = len(ranks)
    alone = wrapped_epochs({name: trees[name]}, loader_type, BATCH * world_size)[name]
    dataset = stock_tree(trees[name])
    names = Counter(_names_of(trees[name]))
    assert sum(names.values()) == len(dataset)
    steps = sum(-(-count // (BATCH * world_size)) for count in np.bincount(dataset.flag).tolist())
    for epoch in range(2):
        batches = [epochs[name][epoch] for epochs, _ in ranks]
        assert {len(own) for own in batches} == {steps}
        together = [list(chain(*parts)) for parts in zip(*batches, strict=True)]
        # The same samples in the same order, with the same draws and the same partners.
        assert together == alone[epoch]
        filled = Counter(file for file, _ in chain(*together)) - names
        assert sum(filled.values()) == steps * BATCH * world_size - len(dataset)
        assert names - Counter(file for file, _ in chain(*together)) == Counter()
    assert alone[0] != alone[1]


def _names_of(tree: Any) -> list[str]:
    """The file of each item."""
    tree = tree["dataset"] if isinstance(tree, dict) and tree.get("type") == "MultiImageMixDataset" else tree
    dataset = stock_tree(_without_pipeline(tree))
    return [dataset[item]["img_info"]["filename"] for item in range(len(dataset))]


def _without_pipeline(tree: Any) -> Any:
    if isinstance(tree, list):
        return [_without_pipeline(one) for one in tree]
    if "pair" in tree:
        return {**tree, "pipeline": []}
    inner = {key: _without_pipeline(tree[key]) for key in ("dataset", "datasets") if key in tree}
    return {**tree, **inner}


def test_metrics_of_several_datasets_are_those_of_one_process(
    group: tuple[str, list[Any]], awkward: CocoPair, validated: Any
) -> None:
    loader_type, ranks = group
    length, expected, expected_metrics = wrapped_metrics(awkward, validated, loader_type)
    (_, results, metrics), *others = (of_rank for _, of_rank in ranks)
    share = -(-length // len(ranks))
    assert len(results) == length
    assert length % len(ranks) == 1
    assert others == [(share, None, None)] * (len(ranks) - 1)
    for found, wanted in zip(chain(*results), chain(*expected), strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert sum(len(boxes) for boxes in chain(*expected)) > 0
    assert metrics == expected_metrics
    assert {"0_bbox_mAP", "1_bbox_mAP"} <= metrics.keys()
