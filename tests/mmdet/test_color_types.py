"""Images of every color_type, and of a size that OpenCV decides on, from both loader types."""

from __future__ import annotations

from typing import Any

import pytest

from support.coco_lakes import CocoPair
from support.same_batches import Tolerance, assert_same_batches

pytestmark = pytest.mark.usefixtures("native")

FINISH = [
    {"type": "DefaultFormatBundle"},
    {
        "type": "Collect",
        "keys": ["img", "gt_bboxes", "gt_labels"],
        "meta_keys": ("ori_shape", "img_shape", "pad_shape"),
    },
]


def _batches(pair: CocoPair, pipeline: list[dict[str, Any]], loader_type: str) -> Any:
    from penstock.integrations.mmdet import build_dataloader, build_dataset

    dataset = build_dataset({"pipeline": pipeline, "deeplake_path": str(pair.lake)})
    # One sample a batch: images that are loaded unchanged differ in their channels.
    with build_dataloader(dataset, 1, 0, shuffle=True, seed=4, loader_type=loader_type) as loader:
        return list(loader)


@pytest.mark.parametrize(
    ("color_type", "channels"),
    [("color", 3), ("color_ignore_orientation", 3), ("grayscale", 1), ("grayscale_ignore_orientation", 1)],
)
def test_color_types(awkward: CocoPair, color_type: str, channels: int) -> None:
    pipeline = [
        {"type": "LoadImageFromFile", "color_type": color_type, "channel_order": "rgb"},
        {"type": "LoadAnnotations"},
        {"type": "Resize", "img_scale": [(60, 40), (90, 70)]},
        {"type": "RandomFlip", "flip_ratio": 0.5},
        {"type": "Pad", "size_divisor": 32, "pad_val": {"img": 7}},
        *FINISH,
    ]
    native, python = (_batches(awkward, pipeline, kind) for kind in ("c++", "python"))
    # A bilinear resize may be one level off.
    assert_same_batches(native, python, Tolerance(level=1.001))
    assert {batch["img"].data[0].shape[1] for batch in native} == {channels}


def test_unchanged_images(awkward: CocoPair) -> None:
    pipeline = [{"type": "LoadImageFromFile", "color_type": "unchanged"}, {"type": "LoadAnnotations"}, *FINISH]
    assert_same_batches(*(_batches(awkward, pipeline, kind) for kind in ("c++", "python")))


def test_a_border_that_leaves_no_pixels(awkward: CocoPair) -> None:
    pipeline = [
        {"type": "LoadImageFromFile"},
        {"type": "LoadAnnotations"},
        {"type": "RandomAffine", "border": (-400, -400)},
        *FINISH,
    ]
    native, python = (_batches(awkward, pipeline, kind) for kind in ("c++", "python"))
    assert_same_batches(native, python, Tolerance(share=0.03, boxes=1e-3))
    assert all(len(batch["gt_bboxes"].data[0][0]) == 0 for batch in native)
