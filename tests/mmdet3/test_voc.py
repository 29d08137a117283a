"""Pascal VOC's rules and metrics, against MMDetection's VOCDataset on the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.mmdet3_runs import detector, own_config, run, stock_config
from support.voc_lakes import NAMES, VocPair, write_voc


@pytest.fixture(scope="module")
def voc(deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> VocPair:
    return write_voc(tmp_path_factory.mktemp("voc"))


def files_of(pair: VocPair) -> dict[str, Any]:
    return {
        "type": "VOCDataset",
        "ann_file": pair.images,
        "data_prefix": {"sub_data_root": str(pair.root)},
        "metainfo": {"classes": NAMES},
    }


def lake_of(pair: VocPair) -> dict[str, Any]:
    return {
        "type": "DeepLakeDetDataset",
        "deeplake_path": str(pair.lake),
        "deeplake_metrics_format": "PascalVOC",
        "metainfo": {"classes": NAMES},
    }


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"test_mode": True},
        {"filter_cfg": {"filter_empty_gt": True, "min_size": 32}},
        {"filter_cfg": {"filter_empty_gt": True, "bbox_min_size": 12}},
    ],
    ids=str,
)
def test_information_on_images(options: dict[str, Any], voc: VocPair) -> None:
    from mmdet.registry import DATASETS

    stock = DATASETS.build({**files_of(voc), **options, "pipeline": []})
    own = DATASETS.build({**lake_of(voc), **options, "pipeline": []})
    assert len(own) == len(stock) > 3
    for index in range(len(stock)):
        expected, got = stock.get_data_info(index), own.get_data_info(index)
        assert {key: got[key] for key in ("height", "width", "instances", "sample_idx")} == {
            key: expected[key] for key in ("height", "width", "instances", "sample_idx")
        }
        assert own.get_cat_ids(index) == stock.get_cat_ids(index)


@pytest.mark.parametrize("mode", ["11points", "area"])
def test_metrics_are_stocks(mode: str, voc: VocPair, native: Any, tmp_path: Path) -> None:
    runs = []
    for make, dataset, name in ((stock_config, files_of(voc), "stock"), (own_config, lake_of(voc), "own")):
        cfg = make(_PAIR, tmp_path / name, model=detector("FasterRCNN"))
        for split in ("train", "val"):
            keys = {key: cfg[f"{split}_dataloader"].dataset[key] for key in ("pipeline",)}
            cfg[f"{split}_dataloader"].dataset = {**dataset, **keys, "test_mode": split == "val"}
        cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
        cfg.val_evaluator = {"type": "VOCMetric", "metric": "mAP", "eval_mode": mode, "iou_thrs": [0.1, 0.5]}
        runs.append(run(cfg))
    stock, own = runs
    assert own.losses == stock.losses
    assert own.metrics == stock.metrics and own.metrics[0]["pascal_voc/mAP"] > 0


def test_the_format_decides_about_the_metric(voc: VocPair, native: Any, tmp_path: Path) -> None:
    cfg = own_config(_PAIR, tmp_path)
    for split in ("train", "val"):
        pipeline = cfg[f"{split}_dataloader"].dataset.pipeline
        cfg[f"{split}_dataloader"].dataset = {**lake_of(voc), "pipeline": pipeline, "test_mode": split == "val"}
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = cfg.val_evaluator = None
    assert "pascal_voc/mAP" in run(cfg).metrics[0]


def test_a_test_pipeline_without_annotations(voc: VocPair, native: Any, tmp_path: Path) -> None:
    from penstock.errors import ConfigError

    cfg = own_config(_PAIR, tmp_path)
    pipeline = [{"type": "LoadImageFromFile"}, {"type": "PackDetInputs"}]
    cfg.val_dataloader.dataset = {**lake_of(voc), "pipeline": pipeline, "test_mode": True}
    cfg.val_evaluator = {"type": "VOCMetric"}
    with pytest.raises(ConfigError, match="'VOCMetric' compares with the annotations that the pipeline loads"):
        run(cfg, "val")


class _Nowhere:
    """In place of a pair of COCO's."""

    annotations = images = lake = Path("nowhere")


_PAIR: Any = _Nowhere()
