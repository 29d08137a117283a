"""The pipelines that benchmarks/pipeline.py compares, as MMDetection's own configs write them."""

from __future__ import annotations

from typing import Any

__all__ = ["IMAGE_MEAN", "IMAGE_STD", "RECIPES"]

IMAGE_MEAN = [123.675, 116.28, 103.53]
IMAGE_STD = [58.395, 57.12, 57.375]
_NORMALIZE = {"type": "Normalize", "mean": IMAGE_MEAN, "std": IMAGE_STD, "to_rgb": True}
_YOLO_NORMALIZE = {"type": "Normalize", "mean": [0, 0, 0], "std": [255.0, 255.0, 255.0], "to_rgb": True}
_FLIP = {"type": "RandomFlip", "flip_ratio": 0.5}
_PAD = {"type": "Pad", "size_divisor": 32}


def _pipeline(*steps: dict[str, Any], to_float32: bool = False) -> list[dict[str, Any]]:
    return [
        {"type": "LoadImageFromFile", "to_float32": to_float32},
        {"type": "LoadAnnotations", "with_bbox": True},
        *steps,
        {"type": "DefaultFormatBundle"},
        {"type": "Collect", "keys": ["img", "gt_bboxes", "gt_labels"]},
    ]


#: By letter: (a) YOLOv3, (b) Faster R-CNN, (c) a small image.
RECIPES: dict[str, list[dict[str, Any]]] = {
    "a": _pipeline(
        {"type": "Expand", "mean": [0, 0, 0], "to_rgb": True, "ratio_range": (1, 2)},
        {"type": "MinIoURandomCrop", "min_ious": (0.4, 0.5, 0.6, 0.7, 0.8, 0.9), "min_crop_size": 0.3},
        {"type": "Resize", "img_scale": [(320, 320), (416, 416)], "multiscale_mode": "range", "keep_ratio": True},
        _FLIP,
        {"type": "PhotoMetricDistortion"},
        _YOLO_NORMALIZE,
        _PAD,
        to_float32=True,
    ),
    "b": _pipeline({"type": "Resize", "img_scale": (1333, 800), "keep_ratio": True}, _FLIP, _NORMALIZE, _PAD),
    "c": _pipeline({"type": "Resize", "img_scale": (416, 416), "keep_ratio": True}, _FLIP, _NORMALIZE, _PAD),
}
