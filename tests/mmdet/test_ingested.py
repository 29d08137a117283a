"""What ingest-coco notes beside boxes, against MMDetection's own dataset on the same file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("mmdet")
from mmdet.datasets import CocoDataset

import penstock
from penstock.detection.tensors import resolve_tensors
from penstock.errors import DatasetFormatError
from penstock.ingest import ingest_coco
from penstock.integrations.mmdet.data.dataset import DeepLakeCocoDataset

PIPELINE = [{"type": "LoadImageFromFile"}, {"type": "LoadAnnotations", "with_bbox": True}]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    from PIL import Image

    (tmp_path / "images" / "sub").mkdir(parents=True)
    images, annotations = [], []
    for number in range(4):
        name = f"sub/picture {number}.jpg"
        Image.new("RGB", (80, 60), (number * 50, 90, 10)).save(tmp_path / "images" / name)
        images.append({"id": number + 1, "file_name": name, "width": 80, "height": 60})
        for flags in ({}, {"iscrowd": 1}, {"ignore": 1}, {"ignore": 1, "iscrowd": 1})[: number + 1]:
            rows = {"iscrowd": 0, **flags, "id": len(annotations) + 1, "image_id": number + 1, "category_id": 7}
            left = 5 + 3 * len(annotations)
            annotations.append({**rows, "bbox": [left, 8, 20, 30], "area": 600})
    path = tmp_path / "a.json"
    content = {"images": images, "annotations": annotations, "categories": [{"id": 7, "name": "x"}]}
    path.write_text(json.dumps(content))
    return path, tmp_path / "images"


def both(files: tuple[Path, Path], out: Path, **options: Any) -> tuple[Any, Any]:
    ingest_coco(*files, out)
    stock = CocoDataset(str(files[0]), PIPELINE, classes=("x",), img_prefix=str(files[1]), **options)
    source = penstock.open(out)
    return stock, DeepLakeCocoDataset(source, resolve_tensors(source), PIPELINE, **options)


def test_training_leaves_out_what_stock_leaves_out(files: Any, tmp_path: Path) -> None:
    stock, ours = both(files, tmp_path / "out")
    assert len(stock) == len(ours) == 4
    table = ours.annotation_table()
    for item in range(4):
        wanted, got = stock.get_ann_info(item), ours.get_ann_info(item)
        for key in ("bboxes", "labels", "bboxes_ignore"):
            np.testing.assert_array_equal(got[key], wanted[key])
        rows = slice(*table.offsets[item : item + 2])
        np.testing.assert_array_equal(table.boxes[rows], wanted["bboxes"])
        assert ours.get_cat_ids(item) == stock.get_cat_ids(item)
        assert ours.names_of(item)["ori_filename"] == stock.data_infos[item]["filename"]


def test_metrics_are_those_of_stock(files: Any, tmp_path: Path) -> None:
    stock, ours = both(files, tmp_path / "out", test_mode=True)
    results = [[np.array([[5 + 3 * i, 8, 26 + 3 * i, 38, 0.9 - 0.1 * i] for i in range(7)], np.float32)]] * 4
    assert ours.evaluate(results, "bbox") == stock.evaluate(results, "bbox")


@pytest.mark.parametrize("name", ["iscrowds", "areas", "ignores"])
@pytest.mark.parametrize("how", ["values", "samples"])
def test_too_few_values(name: str, how: str, files: Any, tmp_path: Path) -> None:
    import deeplake

    ingest_coco(*files, tmp_path / "out")
    # deeplake warns that it checks no dataset of so many tensors, unless it is told not to.
    lake = deeplake.load(
        str(tmp_path / "out"), verbose=False, read_only=False, lock_enabled=False, check_integrity=False
    )
    if how == "values":
        lake[name][2] = lake[name][2].numpy()[:1]
    else:
        lake[name].pop(3)
    lake.flush()
    source = penstock.open(tmp_path / "out")
    ours = DeepLakeCocoDataset(source, resolve_tensors(source), PIPELINE, filter_images=False)
    with pytest.raises(DatasetFormatError, match=r"there are \d values for \d boxes") as caught:
        _ = ours.annotations
    assert (caught.value.tensor, caught.value.index) == (name, 2 if how == "values" else 3)
