"""A small Mask R-CNN and its configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.coco_lakes import CocoPair
from support.detection import NORM, TEST_PIPELINE
from support.small_training import config

__all__ = ["mask_rcnn", "mask_rcnn_config", "rpn"]

_KEYS = ["img", "gt_bboxes", "gt_labels", "gt_masks"]


def mask_rcnn(classes: int) -> dict[str, Any]:
    """Mask R-CNN with a ResNet-18 of an eighth of the channels."""
    return {
        "type": "MaskRCNN",
        "backbone": {
            "type": "ResNet",
            "depth": 18,
            "base_channels": 8,
            "num_stages": 4,
            "out_indices": (0, 1, 2, 3),
            "norm_cfg": {"type": "BN", "requires_grad": True},
            "norm_eval": True,
        },
        "neck": {"type": "FPN", "in_channels": [8, 16, 32, 64], "out_channels": 16, "num_outs": 5},
        "rpn_head": {
            "type": "RPNHead",
            "in_channels": 16,
            "feat_channels": 16,
            "anchor_generator": {
                "type": "AnchorGenerator",
                "scales": [4],
                "ratios": [0.5, 1.0, 2.0],
                "strides": [4, 8, 16, 32, 64],
            },
            "bbox_coder": _coder(1.0),
            "loss_cls": {"type": "CrossEntropyLoss", "use_sigmoid": True},
            "loss_bbox": {"type": "L1Loss"},
        },
        "roi_head": {
            "type": "StandardRoIHead",
            "bbox_roi_extractor": _extractor(7),
            "bbox_head": {
                "type": "Shared2FCBBoxHead",
                "in_channels": 16,
                "fc_out_channels": 32,
                "roi_feat_size": 7,
                "num_classes": classes,
                "bbox_coder": _coder(0.1),
                "reg_class_agnostic": False,
                "loss_cls": {"type": "CrossEntropyLoss"},
                "loss_bbox": {"type": "L1Loss"},
            },
            "mask_roi_extractor": _extractor(14),
            "mask_head": {
                "type": "FCNMaskHead",
                "num_convs": 1,
                "in_channels": 16,
                "conv_out_channels": 16,
                "num_classes": classes,
                "loss_mask": {"type": "CrossEntropyLoss", "use_mask": True},
            },
        },
        "train_cfg": {
            "rpn": {**_matching(0.7, 0.3), "sampler": _sampler(64, False), "allowed_border": -1},
            "rpn_proposal": {"nms_pre": 100, "max_per_img": 50, "nms": _NMS, "min_bbox_size": 0},
            "rcnn": {**_matching(0.5, 0.5), "sampler": _sampler(32, True), "mask_size": 28},
        },
        "test_cfg": {
            "rpn": {"nms_pre": 100, "max_per_img": 30, "nms": _NMS, "min_bbox_size": 0},
            "rcnn": {"score_thr": 0.0, "nms": _NMS, "max_per_img": 10, "mask_thr_binary": 0.5},
        },
    }


def rpn() -> dict[str, Any]:
    """The part of it that proposes boxes."""
    model = {key: value for key, value in mask_rcnn(1).items() if key != "roi_head"}
    configs = {key: {"rpn": model[key]["rpn"]} for key in ("train_cfg", "test_cfg")}
    return {**model, **configs, "type": "RPN"}


def mask_rcnn_config(pair: CocoPair, work_dir: Path, classes: int = 4, **changes: Any) -> Any:
    """Training on the pair's first images, and evaluation of boxes and masks."""
    pipeline = [
        {"type": "LoadImageFromFile"},
        {"type": "LoadAnnotations", "with_bbox": True, "with_mask": True},
        {"type": "Resize", "img_scale": (96, 64), "keep_ratio": True},
        {"type": "RandomFlip", "flip_ratio": 0.5},
        {"type": "Normalize", **NORM},
        {"type": "Pad", "size_divisor": 32},
        {"type": "DefaultFormatBundle"},
        {"type": "Collect", "keys": _KEYS},
    ]
    data = {
        "samples_per_gpu": 4,
        "workers_per_gpu": 0,
        "train": {"pipeline": pipeline, "deeplake_path": str(pair.lake)},
        "val": {"pipeline": TEST_PIPELINE, "deeplake_path": str(pair.lake)},
    }
    settings = {
        "model": mask_rcnn(classes),
        "data": data,
        "evaluation": {"metric": ["bbox", "segm"], "interval": 1},
        "optimizer": {"type": "SGD", "lr": 0.01, "momentum": 0.9},
    }
    return config(pair, work_dir, **{**settings, **changes})


_NMS = {"type": "nms", "iou_threshold": 0.7}


def _coder(scale: float) -> dict[str, Any]:
    deviations = [scale, scale, 2 * scale, 2 * scale] if scale < 1 else [1.0] * 4
    return {"type": "DeltaXYWHBBoxCoder", "target_means": [0.0] * 4, "target_stds": deviations}


def _extractor(size: int) -> dict[str, Any]:
    layer = {"type": "RoIAlign", "output_size": size, "sampling_ratio": 0}
    return {"type": "SingleRoIExtractor", "roi_layer": layer, "out_channels": 16, "featmap_strides": [4, 8, 16, 32]}


def _matching(positive: float, negative: float) -> dict[str, Any]:
    overlaps = {"pos_iou_thr": positive, "neg_iou_thr": negative, "min_pos_iou": 0.3, "ignore_iof_thr": -1}
    return {"assigner": {"type": "MaxIoUAssigner", "match_low_quality": True, **overlaps}, "pos_weight": -1}


def _sampler(number: int, add_truth: bool) -> dict[str, Any]:
    shares = {"pos_fraction": 0.25 if add_truth else 0.5, "neg_pos_ub": -1}
    return {"type": "RandomSampler", "num": number, "add_gt_as_proposals": add_truth, **shares}
