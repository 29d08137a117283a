"""Samples of detection datasets, ordinary and degenerate, as MMDetection's transforms take them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from hypothesis import strategies as st

try:
    from mmdet.core import BitmapMasks, PolygonMasks
except ImportError:  # MMDetection 3
    from mmdet.structures.mask import BitmapMasks, PolygonMasks

__all__ = ["Masks", "make_sample", "samples"]

Masks = Literal["none", "bitmap", "polygon"]


@st.composite
def samples(
    draw: st.DrawFn,
    *,
    largest: int = 200,
    gray: bool | None = None,
    floating: bool | None = None,
    masks: tuple[Masks, ...] = ("none", "bitmap", "polygon"),
) -> dict[str, Any]:
    """Any sample; arguments narrow it down."""
    return make_sample(
        draw(st.integers(0, 2**32)),
        height=draw(st.integers(1, largest) | st.just(1)),
        width=draw(st.integers(1, largest) | st.just(1)),
        boxes=draw(st.integers(0, 6)),
        gray=draw(st.booleans()) if gray is None else gray,
        floating=draw(st.booleans()) if floating is None else floating,
        masks=draw(st.sampled_from(masks)),
        odd_boxes=draw(st.booleans()),
        segmentation=draw(st.booleans()),
    )


def make_sample(
    seed: int,
    *,
    height: int = 60,
    width: int = 80,
    boxes: int = 4,
    gray: bool = False,
    floating: bool = False,
    masks: Masks = "none",
    odd_boxes: bool = False,
    segmentation: bool = False,
) -> dict[str, Any]:
    """A sample after LoadAnnotations. ``odd_boxes``: outside, without area, upside down, NaN."""
    rng = np.random.default_rng(seed)
    shape = (height, width) if gray else (height, width, 3)
    image = rng.integers(0, 256, size=shape, dtype=np.uint8)
    sample = {
        "img": image.astype(np.float32) + rng.random(dtype=np.float32) if floating else image,
        "img_shape": shape,
        "ori_shape": shape,
        "img_fields": ["img"],
        "filename": "a.jpg",
        "ori_filename": "a.jpg",
        "bbox_fields": ["gt_bboxes_ignore", "gt_bboxes"],
        "mask_fields": [],
        "seg_fields": [],
        "gt_bboxes": _boxes(rng, boxes, height, width, odd_boxes),
        "gt_bboxes_ignore": _boxes(rng, int(rng.integers(0, 3)), height, width, odd_boxes),
        "gt_labels": rng.integers(0, 80, size=boxes),
    }
    if masks != "none":
        sample["mask_fields"] = ["gt_masks"]
        sample["gt_masks"] = _bitmaps(rng, sample) if masks == "bitmap" else _polygons(rng, sample)
    if segmentation:
        sample["seg_fields"] = ["gt_semantic_seg"]
        sample["gt_semantic_seg"] = rng.integers(0, 20, size=(height, width), dtype=np.uint8)
    return sample


def _boxes(rng: np.random.Generator, count: int, height: int, width: int, odd: bool) -> Any:
    corners = np.sort(rng.random((count, 2, 2)), axis=1) * (width, height)
    boxes = corners.reshape(-1, 4).astype(np.float32)
    for box in boxes:
        if odd:
            match rng.integers(0, 6):
                case 0:
                    box += rng.uniform(-2, 2) * max(height, width)
                case 1:
                    box[2:] = box[:2]
                case 2:
                    box[:] = box[[2, 3, 0, 1]]
                case 3:
                    box[rng.integers(0, 4)] = np.nan
                case 4:
                    box[:] = np.round(box)
    return boxes


def _bitmaps(rng: np.random.Generator, sample: dict[str, Any]) -> BitmapMasks:
    height, width = sample["img_shape"][:2]
    masks = np.zeros((len(sample["gt_bboxes"]), height, width), dtype=np.uint8)
    for mask in masks:
        top, left = rng.integers(0, height), rng.integers(0, width)
        part = mask[top : top + 1 + height // 2, left : left + 1 + width // 2]
        part[:] = rng.random(part.shape) < rng.random()
    return BitmapMasks(masks, height, width)


def _polygons(rng: np.random.Generator, sample: dict[str, Any]) -> PolygonMasks:
    height, width = sample["img_shape"][:2]

    def polygon() -> Any:
        return (rng.random((int(rng.integers(3, 8)), 2)) * (width, height)).reshape(-1)

    objects = [[polygon() for _ in range(rng.integers(1, 3))] for _ in sample["gt_bboxes"]]
    return PolygonMasks(objects, height, width)
