"""Pascal VOC's rules and metrics against MMDetection's own on its files."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from penstock.errors import ConfigError
from support.coco_lakes import CocoPair
from support.detection import LOAD, training
from support.detections import detections
from support.lake import open_lake
from support.old_numpy import recall_of_old_numpy
from support.same_batches import assert_same_batches
from support.small_training import config, log_of, losses, seeded_detector
from support.voc_lakes import NAMES, VocPair, stock_voc, write_voc

TRAINING: list[dict[str, Any]] = [{}, {"min_size": 12}, {"filter_empty_gt": False}, {"classes": ("dog", "emu")}]


@pytest.fixture(scope="module")
def voc(deeplake: Any, mmdet: Any, tmp_path_factory: pytest.TempPathFactory) -> VocPair:
    return write_voc(tmp_path_factory.mktemp("voc"))


def build(pair: VocPair, pipeline: Any = LOAD, **options: Any) -> Any:
    from penstock.integrations import mmdet as mmdet_deeplake

    settings = {"pipeline": pipeline, "deeplake_path": str(pair.lake), "deeplake_metrics_format": "PascalVOC"}
    return mmdet_deeplake.build_dataset({"classes": NAMES, **settings, **options})


@pytest.mark.parametrize("options", TRAINING, ids=str)
def test_annotations_are_stocks(voc: VocPair, options: dict[str, Any]) -> None:
    stock, own = stock_voc(voc, LOAD, **options), build(voc, **options)
    assert [info["index"] for info in own.data_infos] == [(int(info["id"]) - 7) // 3 for info in stock.data_infos]
    np.testing.assert_array_equal(own.flag, stock.flag)
    for index in range(len(stock)):
        assert own.get_cat_ids(index) == stock.get_cat_ids(index)
        expected, found = stock.get_ann_info(index), own.get_ann_info(index)
        assert set(found) == set(expected)
        for key in expected:
            assert found[key].dtype == expected[key].dtype
            np.testing.assert_array_equal(found[key], expected[key])
    assert any(len(own.get_ann_info(index)["bboxes_ignore"]) for index in range(len(own)))


def test_small_objects_are_ignored(voc: VocPair) -> None:
    def ignored(**options: Any) -> int:
        dataset = build(voc, **options)
        return sum(len(dataset.get_ann_info(index)["bboxes_ignore"]) for index in range(len(dataset)))

    assert ignored() < ignored(min_size=12) < ignored(min_size=20)


@pytest.mark.parametrize("options", TRAINING, ids=str)
def test_both_loaders_give_stocks_items(voc: VocPair, native: Any, options: dict[str, Any]) -> None:
    from penstock.integrations import mmdet as mmdet_deeplake

    stock, own = stock_voc(voc, training(1.0), **options), build(voc, training(1.0), **options)
    for index in range(len(stock)):
        for key in ("img", "gt_bboxes", "gt_labels", "gt_bboxes_ignore"):
            assert torch.equal(own[index][key].data, stock[index][key].data), key
    batches = []
    for loader_type in ("c++", "python"):
        with mmdet_deeplake.build_dataloader(own, 3, 0, seed=2, loader_type=loader_type) as loader:
            batches.append(list(loader))
    assert_same_batches(*batches)


def test_both_loaders_train_and_evaluate(voc: VocPair, native: Any, tmp_path: Path) -> None:
    from penstock.integrations import mmdet as mmdet_deeplake

    trained, measured = [], []
    for loader_type, name in (("c++", "cpp"), ("python", "python")):
        settings = {"deeplake_dataloader_type": loader_type, "deeplake_metrics_format": "PascalVOC"}
        evaluation = {"interval": 1, "metric": "mAP", "iou_thr": [0.02, 0.1], "eval_mode": "area"}
        cfg = config(CocoPair(voc.root, voc.root, voc.lake), tmp_path / name, **settings, evaluation=evaluation)
        for split in ("train", "val"):
            cfg.data[split].classes = NAMES
        # A fresh YOLO's gradients are so steep that larger steps make other detections of the last bits of its losses.
        cfg.optimizer.lr = 1e-8
        (tmp_path / name).mkdir()
        mmdet_deeplake.train_detector(seeded_detector(cfg), cfg, timestamp="log")
        log = log_of(cfg)
        assert len(losses(log)) > 1
        trained.append(losses(log))
        measured.append({key: log[-1][key] for key in ("mAP", "AP02", "AP10")})
    assert trained[0] == pytest.approx(trained[1], rel=1e-5)
    assert measured[0] == pytest.approx(measured[1], abs=1e-2)
    assert measured[0]["mAP"] > 0


@pytest.mark.parametrize("noise", [0.0, 0.08])
@pytest.mark.parametrize("iou_thr", [0.5, [0.3, 0.5, 0.75]], ids=str)
@pytest.mark.parametrize("year", [2007, 2012])
def test_precision_is_stocks(mmdet: Any, deeplake: Any, tmp_path: Path, year: int, iou_thr: Any, noise: float) -> None:
    pair = write_voc(tmp_path, year)
    stock, own = stock_voc(pair, LOAD, test_mode=True), build(pair, test_mode=True, img_prefix=str(pair.root))
    results = detections(own, noise)
    expected = stock.evaluate(results, iou_thr=iou_thr, logger="silent")
    found = own.evaluate(results, iou_thr=iou_thr, logger="silent")
    assert list(found.items()) == list(expected.items())
    assert 0 < found["mAP"] < 1
    other = own.evaluate(results, eval_mode={2007: "area", 2012: "11points"}[year], logger="silent")
    assert other["mAP"] != found["mAP"]


@pytest.mark.parametrize("iou_thr", [0.5, [0.5, 0.75]], ids=str)
def test_recall_is_stocks(voc: VocPair, iou_thr: Any) -> None:
    stock, own = stock_voc(voc, LOAD, test_mode=True), build(voc, test_mode=True)
    results = [np.concatenate(boxes) for boxes in detections(own, 0.08)]
    options: dict[str, Any] = {"metric": "recall", "iou_thr": iou_thr, "proposal_nums": (1, 3, 50)}
    with recall_of_old_numpy():
        expected = stock.evaluate(results, **options)
    found = own.evaluate(results, **options)
    assert list(found) == list(expected)
    assert list(found.values()) == pytest.approx(list(expected.values()), rel=1e-12)


def test_difficult_objects_are_neither_found_nor_missed(voc: VocPair) -> None:
    """Detections of all objects are perfect; without their flags those that were difficult would be false."""
    own = build(voc, test_mode=True)
    results = []
    for index in range(len(own)):
        truth = own.get_ann_info(index)
        boxes = np.concatenate((truth["bboxes"], truth["bboxes_ignore"]))
        labels = np.concatenate((truth["labels"], truth["labels_ignore"]))
        scored = np.concatenate((boxes, np.ones((len(boxes), 1), np.float32)), axis=1)
        results.append([scored[labels == label] for label in range(len(NAMES))])
    assert own.evaluate(results, eval_mode="area", logger="silent")["mAP"] == 1
    own.annotations.difficult[:] = False
    del own.box_rules
    without = own.evaluate([[boxes[:1] for boxes in found] for found in results], eval_mode="area", logger="silent")
    assert without["mAP"] < 1


def broken(*arguments: Any) -> None:
    raise ArithmeticError("nothing to be found")


@pytest.mark.parametrize("fails", [False, True])
def test_no_process_is_left(voc: VocPair, monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    from mmdet.core.evaluation import mean_ap

    own = build(voc, test_mode=True)
    before = multiprocessing.active_children()
    if fails:
        monkeypatch.setattr(mean_ap, "tpfp_default", broken)
        with pytest.raises(ArithmeticError, match="nothing to be found"):
            own.evaluate(detections(own, 0.1), logger="silent")
    else:
        own.evaluate(detections(own, 0.1), logger="silent")
    assert multiprocessing.active_children() == before


def test_tables_name_the_datasets_classes(voc: VocPair, capsys: pytest.CaptureFixture[str]) -> None:
    own = build(voc, test_mode=True)
    own.evaluate(detections(own, 0.1), metric=["mAP"])
    printed = capsys.readouterr().out
    assert all(name in printed for name in NAMES)
    assert "aeroplane" not in printed


def test_labels_go_by_the_order_of_the_classes(voc: VocPair) -> None:
    own, turned = build(voc, test_mode=True), build(voc, test_mode=True, classes=NAMES[::-1])
    assert NAMES[::-1] == turned.CLASSES
    for index in range(len(own)):
        labels = own.get_ann_info(index)["labels"]
        np.testing.assert_array_equal(turned.get_ann_info(index)["labels"], len(NAMES) - 1 - labels)


@pytest.mark.parametrize(
    ("img_prefix", "mode"),
    [
        (None, "11points"),
        ("data/VOCdevkit/VOC2012/", "area"),
        ("data/VOCdevkit/VOC2007/", "11points"),
        (["data/VOC2007/", "data/VOC2012/"], "11points"),
        ("data/voc-2012-val", "area"),
        ("data/pictures2012", "11points"),
    ],
)
def test_the_year_is_in_the_paths(voc: VocPair, img_prefix: Any, mode: str) -> None:
    assert build(voc, img_prefix=img_prefix).eval_mode == mode


def test_crowds_are_ignored_as_difficult_objects_are(awkward: CocoPair) -> None:
    own = build(VocPair(awkward.images, awkward.lake), classes=None)
    with open_lake(awkward.lake) as lake:
        crowds = sum(int(lake.iscrowds[index].numpy().sum()) for index in own.indices.tolist())
    assert sum(len(own.get_ann_info(index)["bboxes_ignore"]) for index in range(len(own))) == crowds > 0


@pytest.mark.parametrize(
    ("options", "metric", "message"),
    [
        ({}, "map", "there is no 'map'. Did you mean 'mAP'?"),
        ({}, ["bbox"], "'bbox' is a metric of deeplake_metrics_format='COCO', not of 'PascalVOC'"),
        ({"test_mode": True, "min_size": 5}, "mAP", "min_size=5 is for training"),
        ({"deeplake_metrics_format": "COCO", "min_size": 5}, "mAP", "min_size=5 is a rule of deeplake_metrics_format"),
        ({"deeplake_metrics_format": "PascalVoc"}, "mAP", "there is no 'PascalVoc'. Did you mean 'PascalVOC'?"),
    ],
    ids=str,
)
def test_what_cannot_be(voc: VocPair, options: dict[str, Any], metric: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(voc, **options).prepare_metrics(metric)
    assert message in str(caught.value)


def test_an_unknown_mode(voc: VocPair) -> None:
    own = build(voc, test_mode=True)
    with pytest.raises(ConfigError, match=r"eval_mode: there is no '11point'. Did you mean '11points'"):
        own.evaluate(detections(own, 0.1), eval_mode="11point")


def test_recall_of_detections(voc: VocPair) -> None:
    own = build(voc, test_mode=True)
    with pytest.raises(ConfigError, match="recall is that of proposals"):
        own.evaluate(detections(own, 0.1), metric="recall")
