"""Masks from both loader types, and as MMDetection's own dataset gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from penstock.errors import ConfigError
from support.coco_lakes import CocoPair
from support.detection import LOAD, NORM, stock_dataset
from support.same_batches import assert_same_batches

_FLIP = {"type": "RandomFlip", "flip_ratio": 0.5, "direction": ["horizontal", "vertical"]}
_PAD = {"type": "Pad", "size_divisor": 32}
_NORMALIZE = {"type": "Normalize", **NORM, "std": [1.0, 1.0, 1.0]}
_JITTER = {"type": "Resize", "img_scale": (192, 192), "ratio_range": (0.3, 2.0)}
_KEYS = ["img", "gt_bboxes", "gt_labels", "gt_masks", "gt_bboxes_ignore"]
_METAS = ("filename", "img_shape", "pad_shape", "scale_factor")


def _pipeline(*steps: dict[str, Any], poly2mask: bool = True) -> list[dict[str, Any]]:
    return [
        {"type": "LoadImageFromFile"},
        {"type": "LoadAnnotations", "with_bbox": True, "with_mask": True, "poly2mask": poly2mask},
        *steps,
        {"type": "DefaultFormatBundle"},
        {"type": "Collect", "keys": _KEYS, "meta_keys": _METAS},
    ]


def _crop(kind: str, size: Any) -> dict[str, Any]:
    return {
        "type": "RandomCrop",
        "crop_type": kind,
        "crop_size": size,
        "recompute_bbox": True,
        "allow_negative_crop": True,
    }


PIPELINES = {
    "mask r-cnn": _pipeline({"type": "Resize", "img_scale": (333, 200)}, _FLIP, _NORMALIZE, _PAD),
    "polygons": _pipeline({"type": "Resize", "img_scale": (333, 200)}, _FLIP, _NORMALIZE, _PAD, poly2mask=False),
    "large scale jitter": _pipeline(
        _JITTER,
        _crop("absolute_range", (96, 192)),
        {"type": "FilterAnnotations", "min_gt_bbox_wh": (1e-2, 1e-2), "by_mask": True, "min_gt_mask_area": 30},
        {"type": "Pad", "size": (192, 192)},
    ),
    "copy paste": _pipeline(
        _JITTER, _crop("absolute", (192, 192)), {"type": "Pad", "size": (192, 192)}, {"type": "CopyPaste"}, _FLIP
    ),
    "expand": _pipeline(
        {"type": "Expand"},
        {"type": "MinIoURandomCrop"},
        {"type": "Resize", "img_scale": (90, 120), "keep_ratio": False},
    ),
    "odd": _pipeline({"type": "RandomShift"}, {"type": "CutOut", "n_holes": 2, "cutout_shape": (9, 9)}, _FLIP, _PAD),
}


def _loader(pair: CocoPair, pipeline: list[dict[str, Any]], loader_type: str, **keys: Any) -> Any:
    from penstock.integrations.mmdet import build_dataloader, build_dataset

    dataset = build_dataset({"pipeline": pipeline, "deeplake_path": str(pair.lake), **keys})
    return build_dataloader(dataset, 4, 0, shuffle=True, seed=11, loader_type=loader_type)


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize("name", PIPELINES)
def test_equal_from_both_loaders(coco_pair: Any, name: str) -> None:
    """All runs in the core, and comes out as from Python."""
    pair = coco_pair("ingested")
    native = _loader(pair, PIPELINES[name], "c++")
    assert all(step.native for step in native._samples.program.steps)
    with native, _loader(pair, PIPELINES[name], "python") as python:
        assert_same_batches(list(native), list(python))


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize("loader_type", ["python", "c++"])
def test_bitmaps_are_those_of_the_coco_file(coco_pair: Any, loader_type: str) -> None:
    """Joined polygons cover what the file's parts cover, as MMDetection draws them."""
    pair = coco_pair("ingested")
    stock = stock_dataset(pair, _pipeline())
    own = _loader(pair, _pipeline(), loader_type)
    by_name = {meta["filename"]: masks for masks, meta in _masks_and_metas(own)}
    assert len(by_name) == len(stock)
    for number, info in enumerate(stock.data_infos):
        expected = stock[number]["gt_masks"].data
        masks = by_name[info["filename"]]
        assert masks.masks.shape == expected.masks.shape
        # The official outlines are rounded to float32 when they are stored.
        assert np.mean(masks.masks != expected.masks) < 1e-3


def test_polygons_of_bitmaps(coco_pair: Callable[[str], CocoPair]) -> None:
    from penstock.integrations.mmdet import build_dataset

    steps = [LOAD[0], {"type": "LoadAnnotations", "with_bbox": True, "with_mask": True, "poly2mask": False}]
    build_dataset({"deeplake_path": str(coco_pair("polygon masks").lake), "pipeline": steps})
    with pytest.raises(ConfigError, match=r"as polygons \(poly2mask=False\), and these have the htype 'binary_mask'"):
        build_dataset({"deeplake_path": str(coco_pair("bitmap masks").lake), "pipeline": steps})


def _masks_and_metas(loader: Any) -> Any:
    for batch in loader:
        yield from zip(batch["gt_masks"].data[0], batch["img_metas"].data[0], strict=True)
