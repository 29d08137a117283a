"""A small detector and its configuration."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch

from support.coco_lakes import CocoPair
from support.detection import TEST_PIPELINE, augmenting

__all__ = ["CLASSES", "config", "detector", "log_of", "losses", "seeded_detector"]

CLASSES = ("cat", "dog", "emu", "fox")


def detector() -> dict[str, Any]:
    """YOLOv3 with a tenth of MobileNetV2."""
    sigmoid = {"type": "CrossEntropyLoss", "use_sigmoid": True, "reduction": "sum"}
    return {
        "type": "YOLOV3",
        "backbone": {"type": "MobileNetV2", "out_indices": (2, 4, 6), "widen_factor": 0.1},
        "neck": {
            "type": "YOLOV3Neck",
            "num_scales": 3,
            "in_channels": [32, 16, 8],
            "out_channels": [16, 8, 8],
        },
        "bbox_head": {
            "type": "YOLOV3Head",
            "num_classes": len(CLASSES),
            "in_channels": [16, 8, 8],
            "out_channels": [16, 8, 8],
            "anchor_generator": {
                "type": "YOLOAnchorGenerator",
                "base_sizes": [[(60, 60)] * 3, [(30, 30)] * 3, [(15, 15)] * 3],
                "strides": [32, 16, 8],
            },
            "bbox_coder": {"type": "YOLOBBoxCoder"},
            "featmap_strides": [32, 16, 8],
            "loss_cls": sigmoid,
            "loss_conf": sigmoid,
            "loss_xy": sigmoid,
            "loss_wh": {"type": "MSELoss"},
        },
        "train_cfg": {"assigner": {"type": "GridAssigner", "pos_iou_thr": 0.5, "neg_iou_thr": 0.5, "min_pos_iou": 0}},
        "test_cfg": {
            "nms_pre": 100,
            "score_thr": 0.0,
            "conf_thr": 0.0,
            "min_bbox_size": 0,
            "nms": {"type": "nms", "iou_threshold": 0.5},
            "max_per_img": 10,
        },
    }


def config(pair: CocoPair, work_dir: Path, **changes: Any) -> Any:
    from mmcv import Config

    return Config(
        {
            "model": detector(),
            "data": {
                "samples_per_gpu": 4,
                "workers_per_gpu": 0,
                "train": {"pipeline": augmenting(64), "deeplake_path": str(pair.lake)},
                "val": {"pipeline": TEST_PIPELINE, "deeplake_path": str(pair.lake)},
            },
            "deeplake_metrics_format": "COCO",
            "evaluation": {"metric": ["bbox"], "interval": 1},
            "optimizer": {"type": "SGD", "lr": 0.0001, "momentum": 0.9},
            "optimizer_config": {"grad_clip": {"max_norm": 10}},
            "lr_config": {"policy": "step", "step": [5]},
            "runner": {"type": "EpochBasedRunner", "max_epochs": 1},
            "checkpoint_config": {"interval": 1},
            "log_config": {"interval": 1, "hooks": [{"type": "TextLoggerHook"}]},
            "custom_hooks": [{"type": "NumClassCheckHook"}],
            "work_dir": str(work_dir),
            "seed": 3,
            "device": "cpu",
            **changes,
        }
    )


def seeded_detector(cfg: Any) -> Any:
    """The configuration's model, with the same weights each time."""
    from penstock.integrations.mmdet import build_detector

    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    model = build_detector(cfg.model)
    model.init_weights()
    return model


def log_of(cfg: Any) -> list[dict[str, Any]]:
    """The lines that training and evaluation logged."""
    lines = (Path(cfg.work_dir) / "log.log.json").read_text().splitlines()
    return [entry for entry in map(json.loads, lines) if "mode" in entry]


def losses(log: list[dict[str, Any]]) -> list[float]:
    return [line["loss"] for line in log if line["mode"] == "train"]
