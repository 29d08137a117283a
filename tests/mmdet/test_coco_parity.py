"""The dataset against MMDetection's own CocoDataset on the annotation file."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from support.coco_lakes import CocoPair
from support.detection import LOAD, stock_dataset, training

FILTERS: list[dict[str, Any]] = [
    {},
    {"filter_empty_gt": False},
    {"test_mode": True},
    {"classes": ["dog"]},
    {"classes": ["emu", "cat"], "filter_empty_gt": False},
]


def ours(pair: CocoPair, pipeline: list[dict[str, Any]], **options: Any) -> Any:
    from penstock.integrations import mmdet as mmdet_deeplake

    return mmdet_deeplake.build_dataset({"deeplake_path": str(pair.lake), "pipeline": pipeline, **options})


def assert_same_annotations(stock: Any, own: Any) -> None:
    for index in range(len(stock)):
        expected, found = stock.get_ann_info(index), own.get_ann_info(index)
        for key in ("bboxes", "labels", "bboxes_ignore"):
            assert found[key].dtype == expected[key].dtype
            np.testing.assert_array_equal(found[key], expected[key])


def test_every_box_label_and_ignored_box_is_stocks(pair: CocoPair) -> None:
    stock, own = stock_dataset(pair, LOAD), ours(pair, LOAD)
    assert_same_annotations(stock, own)
    assert sum(len(own.get_ann_info(index)["bboxes_ignore"]) for index in range(len(own))) > 0


@pytest.mark.parametrize("options", FILTERS, ids=str)
def test_the_images_that_are_left_are_stocks(awkward: CocoPair, options: dict[str, Any]) -> None:
    stock, own = stock_dataset(awkward, LOAD, **options), ours(awkward, LOAD, **options)
    assert own.img_ids == stock.img_ids
    assert own.cat_ids == stock.cat_ids
    assert [info["id"] for info in own.data_infos] == [info["id"] for info in stock.data_infos]
    assert [own.get_cat_ids(i) for i in range(len(own))] == [stock.get_cat_ids(i) for i in range(len(stock))]
    assert_same_annotations(stock, own)


def test_the_made_annotations_are_filtered_in_every_way(awkward: CocoPair) -> None:
    everything = len(ours(awkward, LOAD, test_mode=True))
    large_enough = len(ours(awkward, LOAD, filter_empty_gt=False))
    assert len(ours(awkward, LOAD)) < large_enough < everything


def test_groups_by_aspect_ratio_are_stocks(pair: CocoPair) -> None:
    stock, own = stock_dataset(pair, LOAD), ours(pair, LOAD)
    np.testing.assert_array_equal(own.flag, stock.flag)
    assert set(own.flag) == {0, 1}


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_items_are_stocks_items(pair: CocoPair, flip: float) -> None:
    """Pixels are equal, too: cv2's JPEG decoder and Pillow's are both libjpeg-turbo."""
    stock, own = stock_dataset(pair, training(flip)), ours(pair, training(flip))
    for index in range(len(stock)):
        expected, found = stock[index], own[index]
        assert list(found) == list(expected)
        for key in ("img", "gt_bboxes", "gt_labels", "gt_bboxes_ignore"):
            assert torch.equal(found[key].data, expected[key].data), key
            assert (found[key].stack, found[key].cpu_only) == (expected[key].stack, expected[key].cpu_only)
        assert_same_metas(found["img_metas"].data, expected["img_metas"].data)


def assert_same_metas(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert list(found) == list(expected)
    for key in expected:
        if key == "filename":
            # Deep Lake has no folder of images.
            assert found[key] == found["ori_filename"]
        elif key == "img_norm_cfg":
            assert_same_norm(found[key], expected[key])
        else:
            np.testing.assert_array_equal(found[key], expected[key])


def assert_same_norm(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert list(found) == list(expected)
    for key in expected:
        np.testing.assert_array_equal(found[key], expected[key])


def test_what_enters_the_pipeline_is_what_stock_enters(awkward: CocoPair) -> None:
    stock, own = stock_dataset(awkward, LOAD), ours(awkward, LOAD)
    expected, found = stock[0], own[0]
    assert set(found) == set(expected)
    assert found["img"].dtype == np.uint8
    for key in set(expected) - {"img_info", "ann_info", "img_prefix", "filename"}:
        np.testing.assert_array_equal(found[key], expected[key])


@pytest.mark.parametrize(
    "load",
    [{"to_float32": True}, {"channel_order": "rgb"}, {"color_type": "color_ignore_orientation"}],
    ids=str,
)
def test_loading_options_are_stocks(awkward: CocoPair, load: dict[str, Any]) -> None:
    pipeline = [{"type": "LoadImageFromFile", **load}, LOAD[1]]
    expected, found = stock_dataset(awkward, pipeline)[0]["img"], ours(awkward, pipeline)[0]["img"]
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_steps_that_deeplakes_examples_leave_out_are_added(awkward: CocoPair) -> None:
    with_loading, without = ours(awkward, training()), ours(awkward, training()[2:])
    assert torch.equal(with_loading[1]["img"].data, without[1]["img"].data)
    assert torch.equal(with_loading[1]["gt_bboxes"].data, without[1]["gt_bboxes"].data)
