"""A whole run against MMDetection's own ``train_detector`` on the annotation file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.coco_lakes import CocoPair
from support.detection import TEST_PIPELINE, training
from support.small_training import CLASSES, config, log_of, losses, seeded_detector


def fixed(pair: CocoPair, work_dir: Path) -> Any:
    """A configuration without chance, for both."""
    cfg = config(pair, work_dir, gpu_ids=[0], resume_from=None, load_from=None, log_level="INFO")
    cfg.workflow = [("train", 1)]
    cfg.data.train.pipeline = [*training(0.0, 64)[:-1], {"type": "Collect", "keys": KEYS}]
    del cfg.data["samples_per_gpu"]
    cfg.data.train_dataloader = {"samples_per_gpu": 4, "shuffle": False}
    return cfg


KEYS = ["img", "gt_bboxes", "gt_labels"]


def stock_run(pair: CocoPair, work_dir: Path, **changes: Any) -> list[dict[str, Any]]:
    from mmdet.apis import train_detector
    from mmdet.datasets import build_dataset

    cfg = fixed(pair, work_dir)
    files = {
        "type": "CocoDataset",
        "classes": CLASSES,
        "ann_file": str(pair.annotations),
        "img_prefix": str(pair.images),
    }
    cfg.data.train = {**files, "pipeline": cfg.data.train.pipeline}
    cfg.data.val = cfg.data.test = {**files, "pipeline": TEST_PIPELINE}
    cfg.merge_from_dict(changes)
    model = seeded_detector(cfg)
    work_dir.mkdir()
    train_detector(model, [build_dataset(cfg.data.train)], cfg, validate=True, timestamp="log")
    return log_of(cfg)


def own_run(pair: CocoPair, work_dir: Path, loader_type: str, **changes: Any) -> list[dict[str, Any]]:
    from penstock.integrations.mmdet import train_detector

    cfg = fixed(pair, work_dir)
    cfg.deeplake_dataloader_type = loader_type
    cfg.merge_from_dict(changes)
    model = seeded_detector(cfg)
    work_dir.mkdir()
    train_detector(model, cfg, timestamp="log")
    return log_of(cfg)


def test_losses_and_metrics_are_stocks(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    stock = stock_run(awkward, tmp_path / "stock")
    assert len(losses(stock)) > 2
    for loader_type, name in (("c++", "cpp"), ("python", "python")):
        own = own_run(awkward, tmp_path / name, loader_type)
        assert losses(own) == losses(stock)
        metrics = [{key: value for key, value in log[-1].items() if key.startswith("bbox")} for log in (own, stock)]
        assert metrics[0] == metrics[1]
        assert "bbox_mAP_copypaste" in metrics[0]


def test_either_goes_on_with_the_others_checkpoints(awkward: CocoPair, native: Any, tmp_path: Path) -> None:
    """Without a hook that draws: MMDetection keeps no random generators."""
    two = {"runner": {"max_epochs": 2}}
    straight = losses(own_run(awkward, tmp_path / "own", "c++", **two))
    stock_run(awkward, tmp_path / "stock")
    rest = len(straight) // 2
    by_us = own_run(awkward, tmp_path / "by us", "c++", resume_from=str(tmp_path / "stock" / "epoch_1.pth"), **two)
    by_stock = stock_run(awkward, tmp_path / "by stock", resume_from=str(tmp_path / "own" / "epoch_1.pth"), **two)
    assert losses(by_us) == losses(by_stock) == straight[rest:]
