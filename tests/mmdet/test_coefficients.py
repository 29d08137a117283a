"""The cache of coefficients behind pipelines: crops, mosaics and colors of images that are read in part."""

from __future__ import annotations

from typing import Any

import pytest

from support.coco_lakes import CocoPair
from support.detection import training
from support.require import require

require("mmdet")

from penstock.integrations import mmdet as mmdet_deeplake  # noqa: E402
from support.same_batches import assert_same_batches  # noqa: E402

#: Every sample is made of parts of four images.
MOSAIC = [
    {"type": "Mosaic", "img_scale": (96, 128), "pad_val": 114.0},
    {"type": "RandomCrop", "crop_size": (64, 64), "allow_negative_crop": True},
    {"type": "RandomFlip", "flip_ratio": 0.5},
    {"type": "Normalize", "mean": [0.0] * 3, "std": [255.0] * 3, "to_rgb": True},
    {"type": "Pad", "size_divisor": 32},
    {"type": "DefaultFormatBundle"},
    {"type": "Collect", "keys": ["img", "gt_bboxes", "gt_labels"]},
]
LOADING = [{"type": "LoadImageFromFile"}, {"type": "LoadAnnotations", "with_bbox": True}]


def build(awkward: CocoPair, steps: str, **options: Any) -> Any:
    dataset: dict[str, Any] = {"deeplake_path": str(awkward.lake)}
    if steps == "mosaic":
        inner = dataset | {"type": "DeepLakeDataset", "pipeline": LOADING, "filter_empty_gt": False}
        made = mmdet_deeplake.build_dataset({"type": "MultiImageMixDataset", "dataset": inner, "pipeline": MOSAIC})
    else:
        made = mmdet_deeplake.build_dataset(dataset | {"pipeline": training()})
    arguments: dict[str, Any] = {"samples_per_gpu": 3, "workers_per_gpu": 0, "seed": 7, "loader_type": "c++"}
    return mmdet_deeplake.build_dataloader(made, **(arguments | options))


@pytest.mark.parametrize("steps", ["training", "mosaic"])
def test_batches_are_those_without_it(steps: str, awkward: CocoPair, native: Any) -> None:
    with build(awkward, steps) as plain, build(awkward, steps, cache="coefficients", cache_bytes="64MB") as ours:
        for _ in range(3):
            assert_same_batches(list(ours), list(plain))
        stats = ours.stats()
        assert stats["coefficients_kept"] > 0
        assert stats["coefficient_hits"] > stats["coefficient_misses"]
