"""Annotations with ``"ignore": 1``, which ingest keeps: both loaders make of them what stock MMDetection makes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

from penstock.ingest import ingest_coco
from support.coco_lakes import CocoPair
from support.detection import stock_dataset
from support.images import jpeg, picture

pytestmark = pytest.mark.usefixtures("deeplake", "mmdet")

_KEYS = ["gt_bboxes", "gt_labels", "gt_bboxes_ignore", "gt_masks"]
_CAT, _DOG = 3, 8
#: The annotations of each image: their categories and flags.
_IMAGES: list[list[tuple[int, dict[str, int]]]] = [
    [(_CAT, {}), (_DOG, {"ignore": 1}), (_DOG, {}), (_CAT, {"ignore": 1, "iscrowd": 1}), (_DOG, {"iscrowd": 1})],
    # Nothing but what training leaves out.
    [(_CAT, {"ignore": 1}), (_CAT, {"ignore": 1})],
    [],
    [(_DOG, {"ignore": 1})],
    [(_DOG, {"ignore": 1}), (_CAT, {})],
    [(_CAT, {"ignore": 1, "iscrowd": 1})],
    [(_DOG, {"ignore": 0}), (_CAT, {"ignore": 1}), (_CAT, {})],
]


@pytest.fixture(scope="module", params=["polygon", "binary_mask"])
def ignoring(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> CocoPair:
    masks: Literal["polygon", "binary_mask"] = request.param
    folder: Path = tmp_path_factory.mktemp("ignoring")
    images, annotations = [], []
    for number, rows in enumerate(_IMAGES, start=1):
        name = f"{number}.jpg"
        (folder / name).write_bytes(jpeg(picture(60, 80, 3, seed=number)))
        images.append({"id": number, "file_name": name, "width": 80, "height": 60})
        for category, flags in rows:
            left, top = 4 + 3 * len(annotations), 2 + len(annotations)
            corners = [left, top, left + 20, top, left + 20, top + 16, left, top + 16]
            facts = {"bbox": [left, top, 20, 16], "area": 320, "segmentation": [corners]}
            row = {"id": len(annotations) + 1, "image_id": number, "category_id": category, "iscrowd": 0}
            annotations.append({**row, **facts, **flags})
    categories = [{"id": _CAT, "name": "cat"}, {"id": _DOG, "name": "dog"}]
    path = folder / "instances.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    ingest_coco(path, folder, folder / "lake", masks=masks)
    return CocoPair(path, folder, folder / "lake")


def pipeline(*steps: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "LoadImageFromFile"},
        {"type": "LoadAnnotations", "with_bbox": True, "with_mask": True},
        *steps,
        {"type": "DefaultFormatBundle"},
        {"type": "Collect", "keys": ["img", *_KEYS], "meta_keys": ("ori_filename",)},
    ]


_CHOICES: list[dict[str, Any]] = [
    {},
    {"filter_empty_gt": False},
    {"classes": ["dog"]},
    {"classes": ["cat"]},
    {"classes": ["dog"], "filter_empty_gt": False},
]


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("options", _CHOICES, ids=str)
def test_items_are_stocks(ignoring: CocoPair, options: dict[str, Any], loader_type: str) -> None:
    from penstock.integrations.mmdet import build_dataloader, build_dataset

    flip = {"type": "RandomFlip", "flip_ratio": 1.0}
    stock = stock_dataset(ignoring, pipeline(flip), **options)
    own = build_dataset({"deeplake_path": str(ignoring.lake), "pipeline": pipeline(flip), **options})
    assert [info["id"] for info in own.data_infos] == [info["id"] for info in stock.data_infos]
    np.testing.assert_array_equal(own.flag, stock.flag)
    found: dict[str, dict[str, Any]] = {}
    with build_dataloader(own, 2, 0, shuffle=False, seed=1, loader_type=loader_type) as loader:
        assert loader_type == "python" or all(step.native for step in loader.steps[:3])
        for batch in loader:
            for number, meta in enumerate(batch["img_metas"].data[0]):
                found[meta["ori_filename"]] = {key: batch[key].data[0][number] for key in _KEYS}
    assert len(found) == len(stock)
    for index, info in enumerate(stock.data_infos):
        expected = stock.prepare_train_img(index)
        got = found.get(info["filename"])
        assert got is not None and expected is not None
        for key in _KEYS[:3]:
            assert torch.equal(got[key], expected[key].data), key
        np.testing.assert_array_equal(got["gt_masks"].masks, expected["gt_masks"].data.masks)


def test_empty_images_are_those_of_stock(ignoring: CocoPair) -> None:
    """An image with nothing but ignored annotations is not empty, since stock looks at no flag."""
    from penstock.integrations.mmdet import build_dataset

    steps = pipeline()
    own = build_dataset({"deeplake_path": str(ignoring.lake), "pipeline": steps})
    assert own.img_ids == stock_dataset(ignoring, steps).img_ids == [1, 2, 4, 5, 6, 7]
    assert len(own.get_ann_info(1)["bboxes"]) == len(own.get_ann_info(1)["bboxes_ignore"]) == 0
