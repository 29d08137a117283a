"""RepeatDataset, ConcatDataset, ClassBalancedDataset and MultiImageMixDataset: as stock, with both loader types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from support.coco_lakes import CocoPair
from support.detection import LOAD, NORM, augmenting, training
from support.same_batches import Tolerance, assert_same_batches
from support.wrapped import balanced, concat, leaf, loaded, mixed, own_tree, repeat, stock_tree

pytestmark = pytest.mark.usefixtures("native", "mmdet")

#: Classes that both coco-mini and the made-up pair have, with other numbers in each.
COMMON = ["dog", "cat"]
BUNDLE = [{"type": "DefaultFormatBundle"}, {"type": "Collect", "keys": ["img", "gt_bboxes", "gt_labels"]}]
FORMAT = [{"type": "Normalize", **NORM}, {"type": "Pad", "size_divisor": 32}, *BUNDLE]
YOLOX: list[dict[str, Any]] = [
    {"type": "Mosaic", "img_scale": (64, 64), "pad_val": 114.0},
    {"type": "RandomAffine", "scaling_ratio_range": (0.5, 1.5), "border": (-32, -32)},
    {"type": "MixUp", "img_scale": (64, 64), "ratio_range": (0.8, 1.6), "pad_val": 114},
    {"type": "YOLOXHSVRandomAug"},
    {"type": "RandomFlip", "flip_ratio": 0.5},
    {"type": "Resize", "img_scale": (64, 64), "keep_ratio": True},
    {"type": "Pad", "pad_to_square": True, "pad_val": {"img": (114.0, 114.0, 114.0)}},
    {"type": "FilterAnnotations", "min_gt_bbox_wh": (1, 1), "keep_empty": False},
    *BUNDLE,
]
#: Of float32 matrices, see test_native_pipelines.
AFFINE = Tolerance(share=0.03, boxes=1e-3)

Pairs = Callable[[str], CocoPair]


def _trees(pairs: Pairs, pipeline: list[dict[str, Any]]) -> dict[str, Any]:
    one, other = leaf(pairs("awkward"), pipeline, COMMON), leaf(pairs("val"), pipeline, COMMON)
    return {
        "repeat": repeat(one, 3),
        "balanced": balanced(one),
        "concat": concat(one, other),
        "list": [other, one, other],
        "repeat of concat": repeat(concat(other, one), 2),
        "concat of all kinds": concat(balanced(one), repeat(other, 2), one),
        "balanced of repeat of concat": balanced(repeat(concat(one, other), 2), 0.9),
    }


NAMES = [
    *("repeat", "balanced", "concat", "list", "repeat of concat", "concat of all kinds"),
    "balanced of repeat of concat",
]


@pytest.mark.parametrize("name", NAMES)
def test_items_are_stocks(coco_pair: Pairs, name: str) -> None:
    tree = _trees(coco_pair, training())[name]
    stock, own = stock_tree(tree), own_tree(tree)
    assert type(own) is type(stock)
    assert len(own) == len(stock)
    assert list(own.CLASSES) == list(stock.CLASSES) == COMMON
    np.testing.assert_array_equal(own.flag, stock.flag)
    for attribute in ("repeat_indices", "cumulative_sizes"):
        assert getattr(own, attribute, None) == getattr(stock, attribute, None)
    for index in range(len(stock)):
        _assert_same_item(own[index], stock[index])
        if name != "concat of all kinds" and hasattr(stock, "get_cat_ids"):  # ClassBalancedDataset has none
            assert sorted(own.get_cat_ids(index)) == sorted(stock.get_cat_ids(index))


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("name", NAMES)
def test_batches_hold_stocks_items_in_stocks_order(coco_pair: Pairs, name: str, loader_type: str) -> None:
    tree = _trees(coco_pair, training())[name]
    stock = stock_tree(tree)
    (batches,) = loaded(tree, loader_type, batch_size=1, shuffle=False)
    assert len(batches) == len(stock)
    for index, batch in enumerate(batches):
        item = {key: value.data[0][0] for key, value in batch.items()}
        _assert_same_item(item, stock[index])


def _assert_same_item(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    for key in found.keys() - {"img_metas"}:
        one, other = (getattr(value, "data", value) for value in (found[key], expected[key]))
        assert torch.allclose(one, other, rtol=1e-5, atol=1e-4), key
        assert one.dtype == other.dtype
    one, other = (getattr(value["img_metas"], "data", value["img_metas"]) for value in (found, expected))
    assert one["ori_filename"] == other["ori_filename"]
    assert one["img_shape"] == other["img_shape"]
    np.testing.assert_array_equal(one["scale_factor"], other["scale_factor"])


@pytest.mark.parametrize("name", NAMES)
def test_both_types_yield_equal_batches(coco_pair: Pairs, name: str) -> None:
    tree = _trees(coco_pair, augmenting(64))[name]
    native, python = loaded(tree, "c++", epochs=2), loaded(tree, "python", epochs=2)
    for one, other in zip(native, python, strict=True):
        assert_same_batches(one, other)
    _assert_each_item_once(tree, native)


def _assert_each_item_once(tree: Any, epochs: list[list[Any]]) -> None:
    """Each image as often as the dataset has it, but for what fills up the last batch of a group."""
    stock = stock_tree(tree)
    names = [stock[index]["img_metas"].data["ori_filename"] for index in range(len(stock))]
    for batches in epochs:
        seen = [meta["ori_filename"] for batch in batches for meta in batch["img_metas"].data[0]]
        assert set(seen) == set(names)
        for name in set(names):
            assert names.count(name) <= seen.count(name) <= names.count(name) + 2 * len(np.unique(stock.flag))
        filled = sum(-(-int(count) // 3) * 3 for count in np.bincount(stock.flag))
        assert len(seen) == filled
    assert epochs[0] is not epochs[1] and _names(epochs[0]) != _names(epochs[1])


def _names(batches: list[Any]) -> list[str]:
    return [meta["ori_filename"] for batch in batches for meta in batch["img_metas"].data[0]]


def test_repetitions_of_an_image_draw_their_own_numbers(awkward: CocoPair) -> None:
    tree = repeat(leaf(awkward, augmenting(64)), 4)
    (batches,) = loaded(tree, "c++", batch_size=1, shuffle=False)
    items = len(batches) // 4
    for item in range(items):
        versions = {batches[item + items * times]["img"].data[0].numpy().tobytes() for times in range(4)}
        assert len(versions) == 4


def test_one_dataset_in_a_list_is_loaded_as_alone(awkward: CocoPair) -> None:
    """Its items' positions are not its samples' indices, which the draws of an unwrapped dataset follow from."""
    alone = loaded(leaf(awkward, training()), "c++", shuffle=False)
    listed = loaded([leaf(awkward, training())], "c++", shuffle=False)
    assert_same_batches(alone[0], listed[0])


@pytest.mark.parametrize(
    "tree",
    [
        lambda one, other: mixed(one, YOLOX),
        lambda one, other: mixed(concat(one, other), YOLOX),
        lambda one, other: mixed(repeat(one, 2), YOLOX),
        lambda one, other: repeat(mixed(one, YOLOX), 2),
        lambda one, other: mixed(balanced(one), YOLOX),
        lambda one, other: mixed(mixed(one, YOLOX[:2]), YOLOX[2:]),
    ],
    ids=["mix", "mix of concat", "mix of repeat", "repeat of mix", "mix of balanced", "mix of mix"],
)
def test_yolox_runs_in_the_core(coco_pair: Pairs, tree: Any) -> None:
    from penstock.integrations.mmdet import build_dataloader

    made = tree(leaf(coco_pair("awkward"), LOAD, COMMON), leaf(coco_pair("val"), LOAD, COMMON))
    with build_dataloader(own_tree(made), 2, 0, loader_type="c++") as loader:
        assert all(step.native for step in loader.steps), loader.explain()
        for step, expected in zip(loader.steps[2:], YOLOX, strict=True):
            assert step.name.startswith(expected["type"])
    for native, python in zip(loaded(made, "c++", epochs=2), loaded(made, "python", epochs=2), strict=True):
        assert_same_batches(native, python, AFFINE)


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        (lambda one, other: concat(mixed(one, YOLOX), mixed(other, YOLOX)), "have pipelines of their own"),
        (lambda one, other: concat(mixed(one, YOLOX), repeat(mixed(other, YOLOX), 2)), "have pipelines of their own"),
        (
            lambda one, other: balanced({**one, "pipeline": [*LOAD, *YOLOX]}),
            "it mixes samples of a part of the dataset",
        ),
        (
            lambda one, other: mixed(concat(one, {**other, "pipeline": [*LOAD, {"type": "RandomShift"}]}), YOLOX),
            "have pipelines of their own",
        ),
    ],
    ids=["mix and mix", "mix and repeated mix", "balanced, with a mixing pipeline", "other pipelines"],
)
def test_what_the_core_does_not_mix_python_does(coco_pair: Pairs, tree: Any, reason: str) -> None:
    from penstock.integrations.mmdet import build_dataloader

    made = tree(leaf(coco_pair("awkward"), LOAD, COMMON), leaf(coco_pair("val"), LOAD, COMMON))
    with build_dataloader(own_tree(made), 2, 0, loader_type="c++") as loader:
        assert reason in loader.explain()
    for native, python in zip(loaded(made, "c++", epochs=2), loaded(made, "python", epochs=2), strict=True):
        assert len(native) == len(python) > 0
        assert_same_batches(native, python, AFFINE)


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("flipped", [False, True])
def test_partners_go_through_the_pipeline_of_the_wrapped_dataset_alone(
    awkward: CocoPair, loader_type: str, flipped: bool
) -> None:
    """Images are a column of colour on the left of white: what is mixed in keeps it there, whatever the wrapper has
    done to the image that it is mixed into.
    """
    column = [
        *LOAD,
        {"type": "Resize", "img_scale": (1, 32), "keep_ratio": False},
        {"type": "Pad", "size": (32, 32), "pad_val": {"img": (255, 255, 255), "masks": 0, "seg": 255}},
    ]
    mix_up = {"type": "MixUp", "img_scale": (32, 32), "ratio_range": (1.0, 1.0), "flip_ratio": 0.0, "pad_val": 0}
    flip = {"type": "RandomFlip", "flip_ratio": float(flipped)}
    (batches,) = loaded(mixed(leaf(awkward, column), [flip, mix_up, *BUNDLE]), loader_type)
    for batch in batches:
        images = batch["img"].data[0]
        assert images[..., 1:-1].unique().tolist() == [255.0]
        assert (images[..., 0].amin(dim=(1, 2)) < 255).all()
        assert ((images[..., -1].amin(dim=(1, 2)) < 255) == flipped).all()
