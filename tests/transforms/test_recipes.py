"""Whole recipes on photographs of COCO with their annotations, through the steps and through MMDetection's classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.require import require

require("mmdet")

import cv2  # noqa: E402
from mmdet.datasets.pipelines import Compose  # noqa: E402

from penstock.loading.draws import Stream  # noqa: E402
from support.detection import NORM, TEST_PIPELINE  # noqa: E402
from support.oracle import Pool, assert_same, through_both  # noqa: E402

FINISH = [
    {"type": "Normalize", **NORM},
    {"type": "Pad", "size_divisor": 32},
    {"type": "DefaultFormatBundle"},
    {
        "type": "Collect",
        "keys": ["img", "gt_bboxes", "gt_labels", "gt_masks"],
        "meta_keys": ("ori_shape", "img_shape", "pad_shape", "scale_factor", "flip", "flip_direction", "img_norm_cfg"),
    },
]
LOAD = {"type": "LoadAnnotations", "with_mask": True}
FLIP = {"type": "RandomFlip", "flip_ratio": [0.3, 0.3, 0.3], "direction": ["horizontal", "vertical", "diagonal"]}
RECIPES: dict[str, list[dict[str, Any]]] = {
    "yolov3": [
        LOAD,
        {"type": "Expand", "mean": NORM["mean"], "to_rgb": True, "ratio_range": (1, 2)},
        {"type": "MinIoURandomCrop", "min_ious": (0.4, 0.5, 0.6, 0.7, 0.8, 0.9), "min_crop_size": 0.3},
        {"type": "Resize", "img_scale": [(320, 320), (416, 416)]},
        FLIP,
        {"type": "PhotoMetricDistortion"},
        *FINISH,
    ],
    "mask_rcnn_with_polygons": [
        {**LOAD, "poly2mask": False},
        {"type": "Resize", "img_scale": [(333, 160), (333, 200)], "multiscale_mode": "value"},
        FLIP,
        *FINISH,
    ],
    "crops": [
        LOAD,
        {"type": "Resize", "img_scale": (320, 320), "ratio_range": (0.1, 2.0)},
        {"type": "RandomCrop", "crop_type": "absolute", "crop_size": (200, 200), "recompute_bbox": True},
        {"type": "FilterAnnotations", "min_gt_bbox_wh": (1e-2, 1e-2), "by_mask": True},
        FLIP,
        *FINISH,
    ],
}


@pytest.fixture(scope="module")
def photographs(coco_mini: Path) -> list[dict[str, Any]]:
    """Twelve samples before LoadAnnotations, at half their size to save time."""
    index = json.loads((coco_mini / "annotations" / "instances_val2017.json").read_text())
    samples = []
    for info in index["images"][:12]:
        image = cv2.imread(str(coco_mini / "val2017" / info["file_name"]))
        objects = [row for row in index["annotations"] if row["image_id"] == info["id"]]
        plain = [row for row in objects if not row["iscrowd"]]
        samples.append(
            {
                "img": image,
                "img_shape": image.shape,
                "ori_shape": image.shape,
                "img_fields": ["img"],
                "img_info": {"filename": info["file_name"], "height": info["height"], "width": info["width"]},
                "filename": info["file_name"],
                "ori_filename": info["file_name"],
                "bbox_fields": [],
                "mask_fields": [],
                "seg_fields": [],
                "ann_info": {
                    "bboxes": corners(plain),
                    "labels": np.array([row["category_id"] for row in plain], dtype=np.int64),
                    "bboxes_ignore": corners([row for row in objects if row["iscrowd"]]),
                    "masks": [row["segmentation"] for row in plain],
                },
            }
        )
    return samples


def corners(objects: list[dict[str, Any]]) -> Any:
    boxes = np.array([row["bbox"] for row in objects], dtype=np.float32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return boxes


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_on_photographs(photographs: list[dict[str, Any]], name: str) -> None:
    transforms = Compose(RECIPES[name] if name != "yolov3" else without_masks(RECIPES[name])).transforms
    kept = 0
    for index, sample in enumerate(photographs):
        ours, theirs = through_both(transforms, sample, Stream(11, 3, index))
        assert_same(ours, theirs, name)
        kept += ours is not None
    assert kept > len(photographs) // 2


def without_masks(recipe: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """MMDetection's MinIoURandomCrop and Expand take masks, and drawing them at twice the size takes long."""
    collect = {**recipe[-1], "keys": ["img", "gt_bboxes", "gt_labels"]}
    return [{"type": "LoadAnnotations"}, *recipe[1:-1], collect]


def test_copying_and_pasting_photographs(photographs: list[dict[str, Any]]) -> None:
    """Simple Copy-Paste's recipe; all images are brought to one size first."""
    load = Compose(
        [LOAD, {"type": "Resize", "img_scale": (128, 128), "keep_ratio": False}, {"type": "Pad", "size": (128, 128)}]
    ).transforms
    samples = [through_both(load, sample, Stream(0, 0, 0))[0] for sample in photographs]
    paste = Compose([{"type": "CopyPaste", "max_num_pasted": 5}]).transforms
    for index, sample in enumerate(samples):
        ours, theirs = through_both(paste, sample, Stream(2, 0, index), Pool(samples))
        theirs["img"] = theirs["img"].astype(np.uint8)
        assert_same(ours, theirs)


def test_a_test_pipeline_on_photographs(photographs: list[dict[str, Any]]) -> None:
    transforms = Compose(TEST_PIPELINE[1:]).transforms
    for index, sample in enumerate(photographs[:4]):
        assert_same(*through_both(transforms, sample, Stream(0, 0, index)))
