"""Whole runs against MMDetection's own on the annotation file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.coco_lakes import CocoPair
from support.mmdet3_runs import own_config, pipelines, run, stock_config

_NAMES = ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor")


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("masks", [False, True], ids=["boxes", "masks"])
def test_losses_and_metrics_are_stocks(
    masks: bool, loader_type: str, coco_pair: Callable[[str], CocoPair], native: Any, tmp_path: Path
) -> None:
    pair = coco_pair("bitmap masks" if masks else "awkward")
    two = {"train_cfg": {"max_epochs": 2}}
    stock = run(stock_config(pair, tmp_path / "stock", masks=masks, **two))
    own = run(own_config(pair, tmp_path / "own", masks=masks, deeplake_dataloader_type=loader_type, **two))
    assert own.images == stock.images and len(own.images) > 6
    assert own.losses == stock.losses
    assert own.metrics == stock.metrics and len(own.metrics) == 2
    assert ("coco/segm_mAP" in own.metrics[0]) == masks and "coco/bbox_mAP_50" in own.metrics[0]
    assert own.runner.train_dataloader.loader_type == loader_type


def test_by_iterations(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    """MMEngine's InfiniteSampler, whose batches go across the borders of epochs."""
    changes: dict[str, Any] = {
        "train_cfg": {"_delete_": True, "type": "IterBasedTrainLoop", "max_iters": 11, "val_interval": 6},
        "train_dataloader": {"sampler": {"type": "InfiniteSampler"}},
        "log_processor": {"by_epoch": False},
    }
    stock = run(stock_config(awkward, tmp_path / "stock", **changes))
    own = run(own_config(awkward, tmp_path / "own", **changes))
    assert own.images == stock.images and len(own.images) == 11
    assert own.losses == stock.losses
    assert own.metrics == stock.metrics and len(own.metrics) == 2


def test_test_time_augmentation(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    """What ``tools/test.py --tta`` makes of a configuration."""
    views = {
        "type": "TestTimeAug",
        "transforms": [
            [{"type": "RandomFlip", "prob": 1.0}, {"type": "RandomFlip", "prob": 0.0}],
            [{"type": "PackDetInputs", "meta_keys": (*_NAMES, "flip", "flip_direction")}],
        ],
    }
    runs = []
    for make, name in ((stock_config, "stock"), (own_config, "own")):
        cfg = make(awkward, tmp_path / name)
        cfg.test_dataloader.dataset.pipeline = [*pipelines()[1][:2], views]
        suppression = {"nms": {"type": "nms", "iou_threshold": 0.5}, "max_per_img": 100}
        cfg.model = {"type": "DetTTAModel", "tta_cfg": suppression, "module": cfg.model}
        runs.append(run(cfg, "test"))
    stock, own = runs
    assert own.metrics == stock.metrics
    assert own.found == stock.found and all(boxes for _, boxes, _ in own.found)


def test_mmengines_own_runner(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    """It loads the dataset sample by sample, with torch's loader, here in worker processes."""
    from penstock.integrations.mmdet3 import DetectionLoader

    workers = {"train_dataloader": {"num_workers": 2}, "val_evaluator": {"ann_file": str(awkward.annotations)}}
    cfg = own_config(awkward, tmp_path / "own", **workers)
    cfg.pop("runner_type")
    own, stock = run(cfg), run(stock_config(awkward, tmp_path / "stock"))
    assert not isinstance(own.runner.train_dataloader, DetectionLoader)
    assert own.losses == stock.losses and own.metrics == stock.metrics
