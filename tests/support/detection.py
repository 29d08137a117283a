"""MMDetection pipelines and its own datasets, the oracle of the integration."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from support.coco_lakes import CocoPair

__all__ = ["LOAD", "NORM", "TEST_PIPELINE", "augmenting", "stock_dataset", "training"]

NORM = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375], "to_rgb": True}
LOAD = [{"type": "LoadImageFromFile"}, {"type": "LoadAnnotations", "with_bbox": True}]
_KEYS = ["img", "gt_bboxes", "gt_labels", "gt_bboxes_ignore"]


def training(flip: float = 0.0, size: int = 96) -> list[dict[str, Any]]:
    """A pipeline of training without chance."""
    return [
        *LOAD,
        {"type": "Resize", "img_scale": (size, size), "keep_ratio": True},
        {"type": "RandomFlip", "flip_ratio": flip},
        {"type": "Normalize", **NORM},
        {"type": "Pad", "size_divisor": 32},
        {"type": "DefaultFormatBundle"},
        {"type": "Collect", "keys": _KEYS},
    ]


def augmenting(size: int = 96) -> list[dict[str, Any]]:
    """YOLOv3's pipeline of training: draws from ``random`` and ``numpy.random`` in most of its steps."""
    return [
        *LOAD,
        {"type": "Expand", "mean": NORM["mean"], "to_rgb": True, "ratio_range": (1, 2)},
        {"type": "MinIoURandomCrop", "min_ious": (0.4, 0.6, 0.8), "min_crop_size": 0.3},
        {"type": "Resize", "img_scale": [(size, size), (2 * size, 2 * size)], "keep_ratio": True},
        {"type": "RandomFlip", "flip_ratio": 0.5},
        {"type": "PhotoMetricDistortion"},
        {"type": "Normalize", **NORM},
        {"type": "Pad", "size_divisor": 32},
        {"type": "DefaultFormatBundle"},
        {"type": "Collect", "keys": ["img", "gt_bboxes", "gt_labels"]},
    ]


TEST_PIPELINE: list[dict[str, Any]] = [
    {"type": "LoadImageFromFile"},
    {
        "type": "MultiScaleFlipAug",
        "img_scale": (96, 96),
        "flip": False,
        "transforms": [
            {"type": "Resize", "keep_ratio": True},
            {"type": "RandomFlip"},
            {"type": "Normalize", **NORM},
            {"type": "Pad", "size_divisor": 32},
            {"type": "ImageToTensor", "keys": ["img"]},
            {"type": "Collect", "keys": ["img"]},
        ],
    },
]


def stock_dataset(pair: CocoPair, pipeline: list[dict[str, Any]], **options: Any) -> Any:
    """MMDetection's own dataset on the COCO file."""
    import json

    from mmdet.datasets import CocoDataset

    names = [category["name"] for category in json.loads(pair.annotations.read_text())["categories"]]
    with contextlib.redirect_stdout(io.StringIO()):
        return CocoDataset(
            str(pair.annotations),
            pipeline,
            **{"classes": names, "img_prefix": str(pair.images), **options},
        )
