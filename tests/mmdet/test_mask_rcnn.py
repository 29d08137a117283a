"""Mask R-CNN trains and evaluates from masks of either kind, with both loader types."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.coco_lakes import CocoPair
from support.detection import LOAD, stock_dataset
from support.small_mask_rcnn import mask_rcnn_config
from support.small_training import log_of, losses, seeded_detector


def train(cfg: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[list[dict[str, Any]], list[Any]]:
    """The log's lines, and the results of the last evaluation."""
    from penstock.integrations import mmdet as mmdet_deeplake

    evaluated: list[Any] = []
    evaluate = mmdet_deeplake.DeepLakeCocoDataset.evaluate

    def keeping(dataset: Any, results: Any, *arguments: Any, **options: Any) -> Any:
        evaluated[:] = copy.deepcopy(results)
        return evaluate(dataset, results, *arguments, **options)

    monkeypatch.setattr(mmdet_deeplake.DeepLakeCocoDataset, "evaluate", keeping)
    model = seeded_detector(cfg)
    Path(cfg.work_dir).mkdir(parents=True)
    mmdet_deeplake.train_detector(model, cfg, timestamp="log")
    return log_of(cfg), evaluated


@pytest.mark.parametrize("name", ["polygon masks", "bitmap masks", "ingested", "ingested bitmaps"])
def test_both_loader_types_train_and_evaluate_alike(
    coco_pair: Callable[[str], CocoPair], name: str, native: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = coco_pair(name)
    stock = stock_dataset(pair, LOAD, test_mode=True)
    measured, logged = [], []
    for loader_type, folder in (("c++", "cpp"), ("python", "python")):
        cfg = mask_rcnn_config(pair, tmp_path / folder, len(stock.CLASSES), deeplake_dataloader_type=loader_type)
        log, results = train(cfg, monkeypatch)
        expected = stock.evaluate(results, metric=["bbox", "segm"])
        found = {key: value for key, value in log[-1].items() if key in expected}
        assert found == expected
        measured.append({key: value for key, value in found.items() if not isinstance(value, str)})
        logged.append(losses(log))
        assert any(entry.get("loss_mask", 0) > 0 for entry in log)
    assert len(logged[0]) > 2
    assert logged[0] == pytest.approx(logged[1], rel=2e-2)
    assert measured[0] == pytest.approx(measured[1], abs=1e-2)
    assert {"segm_mAP", "segm_mAP_s", "bbox_mAP"} <= set(measured[0])
