"""Training in one call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from support.coco_lakes import CocoPair
from support.mmdet3_runs import own_config

TUTORIAL = {
    "model": {"type": "YOLOV3", "backbone": {"type": "Darknet"}},
    "data": {"train": {"deeplake_path": "hub://activeloop/coco-train"}, "samples_per_gpu": 4},
    "optimizer": {"type": "SGD", "lr": 0.01},
    "runner": {"type": "EpochBasedRunner", "max_epochs": 1},
    "img_norm_cfg": {"mean": [0, 0, 0]},
}


def test_datasets_that_are_passed(awkward: CocoPair, deeplake: Any, native: Any, tmp_path: Path) -> None:
    import penstock
    from penstock.integrations.mmdet3 import train_detector

    cfg = own_config(awkward, tmp_path)
    for split in ("train", "val"):
        del cfg[f"{split}_dataloader"].dataset["deeplake_path"]
    before = cfg.pretty_text
    model = train_detector(
        cfg,
        ds_train=penstock.open(awkward.lake),
        ds_train_tensors={"gt_bboxes": "boxes"},
        ds_val=deeplake.load(str(awkward.lake), read_only=True, verbose=False),
    )
    assert cfg.pretty_text == before
    assert (tmp_path / "epoch_1.pth").exists() and not model.training


@pytest.mark.parametrize(
    ("kind", "file"),
    [("YOLOV3", "yolox_tiny"), ("FasterRCNN", "faster_rcnn"), ("MaskRCNN", "mask_rcnn"), ("DETR", "dino"),
     ("RetinaNet", "rtmdet_tiny")],
)
def test_a_tutorial_of_version_2(kind: str, file: str, tmp_path: Path) -> None:
    from mmengine.config import Config

    from penstock.errors import ConfigError
    from penstock.integrations.mmdet3 import train_detector

    cfg = Config({**TUTORIAL, "model": {"type": kind}, "work_dir": str(tmp_path)})
    message = f"a configuration of MMDetection 2.*examples/configs/mmdet3/{file}.py is one of version 3"
    with pytest.raises(ConfigError, match=message):
        train_detector(cfg)
    assert (Path(__file__).parents[2] / "examples" / "configs" / "mmdet3" / f"{file}.py").is_file()


def test_what_is_no_configuration() -> None:
    from penstock.integrations.mmdet3 import train_detector

    with pytest.raises(TypeError, match="mmengine's Config"):
        train_detector({"model": {}})
    with pytest.raises(TypeError, match="the configuration's model is built here"):
        train_detector(torch.nn.Linear(1, 1))


def test_a_dataset_without_its_place(awkward: CocoPair, tmp_path: Path) -> None:
    from penstock.errors import ConfigError
    from penstock.integrations.mmdet3 import train_detector

    cfg = own_config(awkward, tmp_path)
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    with pytest.raises(ConfigError, match="val_dataloader has 0 datasets of the type 'DeepLakeDetDataset'"):
        train_detector(cfg, ds_val=str(awkward.lake))
