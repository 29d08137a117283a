"""Whole runs against MMDetection's own on the annotation file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.coco_lakes import CocoPair
from support.mmdet3_runs import own_config, run, stock_config


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
