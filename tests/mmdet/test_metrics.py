"""COCO's metrics against MMDetection's own on the annotation file, digit by digit."""

from __future__ import annotations

import copy
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.errors import ConfigError, DecodeError
from support.coco_lakes import CocoPair
from support.detection import LOAD, stock_dataset
from support.detections import detections, segmented
from support.lake import open_lake

MASKS = ["polygon masks", "bitmap masks", "ingested", "ingested bitmaps"]
OPTIONS: list[dict[str, Any]] = [
    {"classwise": True},
    {"iou_thrs": np.array([0.3, 0.5, 0.75]), "metric_items": ["mAP", "mAP_50", "mAP_s"]},
    {"proposal_nums": (1, 2, 5), "metric_items": "mAP"},
]


def build(pair: CocoPair, **options: Any) -> Any:
    from penstock.integrations import mmdet as mmdet_deeplake

    settings = {"deeplake_path": str(pair.lake), "pipeline": LOAD, **options}
    return mmdet_deeplake.build_dataset(settings, {"test_mode": True})


def stock(pair: CocoPair, **options: Any) -> Any:
    return stock_dataset(pair, LOAD, test_mode=True, **options)


def assert_equal_metrics(own: Any, theirs: Any, results: Any, **options: Any) -> dict[str, float]:
    # MMDetection changes run lengths in place.
    expected: dict[str, float] = theirs.evaluate(copy.deepcopy(results), **options)
    assert own.evaluate(results, **options) == expected
    return expected


@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize("name", ["awkward", "val", "ingested"])
def test_metrics_are_stocks(coco_pair: Callable[[str], CocoPair], name: str, noise: float) -> None:
    pair = coco_pair(name)
    theirs = stock(pair)
    options: dict[str, Any] = {"metric": ["bbox", "proposal"], "classwise": True}
    expected = assert_equal_metrics(build(pair), theirs, detections(theirs, noise), **options)
    assert 0 < expected["bbox_mAP"] < 1


@pytest.mark.parametrize("name", MASKS)
def test_metrics_of_masks_are_stocks(coco_pair: Callable[[str], CocoPair], name: str) -> None:
    pair = coco_pair(name)
    theirs = stock(pair)
    expected = assert_equal_metrics(build(pair), theirs, segmented(theirs, 0.05), metric=["bbox", "segm"])
    assert 0 < expected["segm_mAP"] < 1
    assert -1 < expected["segm_mAP_s"] != expected["bbox_mAP_s"]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_options_are_stocks(coco_pair: Callable[[str], CocoPair], options: dict[str, Any]) -> None:
    pair = coco_pair("polygon masks")
    theirs = stock(pair)
    assert_equal_metrics(build(pair), theirs, segmented(theirs, 0.1), metric=["segm", "bbox"], **options)


def test_tables_by_class_are_stocks(coco_pair: Callable[[str], CocoPair], capsys: pytest.CaptureFixture[str]) -> None:
    pair = coco_pair("polygon masks")
    theirs, own = stock(pair), build(pair)
    results = segmented(theirs, 0.1)
    printed = []
    for dataset in (theirs, own):
        capsys.readouterr()
        dataset.evaluate(copy.deepcopy(results), metric=["bbox", "segm"], classwise=True)
        lines = capsys.readouterr().out.splitlines()
        printed.append([line for line in lines if "|" in line])
    assert printed[0] == printed[1]
    assert any("emu" in line for line in printed[0])


def test_metrics_of_some_classes_are_stocks(coco_pair: Callable[[str], CocoPair]) -> None:
    pair = coco_pair("bitmap masks")
    theirs = stock(pair, classes=["dog", "fox"])
    own = build(pair, classes=["dog", "fox"])
    assert_equal_metrics(own, theirs, segmented(theirs, 0.05), metric=["bbox", "segm"])


def test_nothing_is_decoded_for_metrics(coco_pair: Callable[[str], CocoPair], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("an image was decoded")

    pair = coco_pair("bitmap masks")
    results = segmented(stock(pair), 0.1)
    monkeypatch.setattr("penstock.format.sample.decode_image", refuse)
    with pytest.raises(AssertionError, match="decoded"):
        penstock.open(pair.lake)["images"][0]
    build(pair).evaluate(results, metric=["bbox", "segm", "proposal"])


def test_masks_are_read_when_they_are_asked_for(
    coco_pair: Callable[[str], CocoPair], monkeypatch: pytest.MonkeyPatch
) -> None:
    from penstock.detection import coco_index

    read: list[int] = []
    own_run_lengths = coco_index.run_lengths

    def counting(tensor: Any, index: int, *arguments: Any) -> Any:
        read.append(index)
        return own_run_lengths(tensor, index, *arguments)

    monkeypatch.setattr(coco_index, "run_lengths", counting)
    pair = coco_pair("polygon masks")
    own = build(pair)
    results = segmented(stock(pair), 0.1)
    own.evaluate(results, metric="bbox")
    assert read == []
    own.evaluate(results, metric="segm")
    assert read == list(range(len(own)))
    own.evaluate(results, metric="segm")
    assert len(read) == len(own)


def test_hooks_get_the_masks_of_validation_and_training_only_what_it_loads(
    coco_pair: Callable[[str], CocoPair],
) -> None:
    from pycocotools import mask

    pair = coco_pair("bitmap masks")
    own, theirs = build(pair), stock(pair)
    shown = 0
    for index in range(len(own)):
        truth, info = theirs.get_ann_info(index), theirs.data_infos[index]
        size = info["height"], info["width"]
        found = [mask.decode(mask.merge(mask.frPyObjects(runs, *size))) for runs in own.get_ann_info(index)["masks"]]
        assert len(found) == len(truth["masks"])
        for pixels, segmentation in zip(found, truth["masks"], strict=True):
            row = {"image_id": info["id"], "segmentation": segmentation}
            np.testing.assert_array_equal(pixels, theirs.coco.annToMask(row))
            shown += 1
    assert shown > 20
    training = build(pair, test_mode=False)
    assert set(training.get_ann_info(0)["masks"]) == {None}


@pytest.fixture
def changed(coco_pair: Callable[[str], CocoPair], tmp_path: Path) -> Callable[..., CocoPair]:
    """A copy of a pair's dataset that a test may change."""

    def copied(name: str) -> CocoPair:
        pair = coco_pair(name)
        return CocoPair(pair.annotations, pair.images, Path(shutil.copytree(pair.lake, tmp_path / "lake")))

    return copied


def areas_of(dataset: Any) -> list[float]:
    return [row["area"] for number in dataset.img_ids for row in dataset.coco.imgToAnns[number]]


@pytest.mark.parametrize("name", ["polygon masks", "bitmap masks"])
@pytest.mark.parametrize("metric", ["bbox", ["bbox", "segm"]])
def test_areas_of_masks_stand_in(
    changed: Callable[..., CocoPair], name: str, metric: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from pycocotools import mask

    pair = changed(name)
    with open_lake(pair.lake, read_only=False) as lake:
        lake.delete_tensor("areas")
    content = json.loads(pair.annotations.read_text())
    theirs = stock(pair)
    for row in content["annotations"]:
        row["area"] = float(mask.area(theirs.coco.annToRLE(row)))
    pair = pair._replace(annotations=tmp_path / "areas.json")
    pair.annotations.write_text(json.dumps(content))
    own, measured = build(pair), stock(pair)
    with caplog.at_level(logging.WARNING, logger="penstock"):
        assert_equal_metrics(own, measured, segmented(theirs, 0.05), metric=metric)
        own.evaluate(segmented(theirs, 0.05), metric=metric)
    assert areas_of(own) == areas_of(measured)
    assert [record.message for record in caplog.records if "areas" in record.message] == [
        f"{pair.lake} has no tensor of areas: those of the masks are taken for COCO's metrics"
    ]


def test_areas_of_boxes_stand_in(
    changed: Callable[..., CocoPair], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pair = changed("awkward")
    with open_lake(pair.lake, read_only=False) as lake:
        lake.delete_tensor("areas")
    content = json.loads(pair.annotations.read_text())
    for row in content["annotations"]:
        row["area"] = row["bbox"][2] * row["bbox"][3]
    pair = pair._replace(annotations=tmp_path / "areas.json")
    pair.annotations.write_text(json.dumps(content))
    theirs = stock(pair)
    assert_equal_metrics(build(pair), theirs, detections(theirs, 0.05))
    assert "has no tensor of areas: those of the boxes" in caplog.text


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        (["bbox", "segn"], "there is no 'segn'. Did you mean 'segm'?"),
        ("mAP", "'mAP' is a metric of deeplake_metrics_format='PascalVOC', not of 'COCO'"),
        ("segm", "there is no tensor of htype 'polygon' or 'binary_mask' for 'gt_masks'"),
    ],
)
def test_metrics_that_cannot_be(awkward: CocoPair, metrics: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(awkward).evaluate([], metric=metrics)
    assert message in str(caught.value)


def test_no_metric_is_the_default(coco_pair: Callable[[str], CocoPair]) -> None:
    pair = coco_pair("awkward")
    theirs = stock(pair)
    results = detections(theirs, 0.1)
    own = build(pair)
    assert own.evaluate(results, metric=None) == own.evaluate(results, metric="bbox")


def test_several_tensors_of_masks(changed: Callable[..., CocoPair]) -> None:
    pair = changed("polygon masks")
    with open_lake(pair.lake, read_only=False) as lake:
        lake.create_tensor("more_masks", htype="polygon")
    with pytest.raises(ConfigError, match="several tensors could be 'gt_masks': 'masks', 'more_masks'"):
        build(pair).prepare_metrics("segm")
    build(pair, deeplake_tensors={"gt_masks": "masks"}).prepare_metrics("segm")


def test_masks_that_contradict_the_boxes(changed: Callable[..., CocoPair]) -> None:
    pair = changed("polygon masks")
    with open_lake(pair.lake, read_only=False) as lake:
        lake.masks[2] = lake.masks[2].numpy()[:3]
    with pytest.raises(DecodeError, match="there are 3 masks for 5 boxes") as caught:
        build(pair).prepare_metrics("segm")
    assert (caught.value.tensor, caught.value.index) == ("masks", 2)
