"""Registered datasets against Detectron2's own reading of the annotation file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.coco_lakes import CocoPair
from support.require import require

require("detectron2")

from detectron2.data import DatasetCatalog, MetadataCatalog, detection_utils  # noqa: E402
from detectron2.utils.file_io import PathManager  # noqa: E402

from penstock.errors import ConfigError, DatasetNotFoundError  # noqa: E402
from penstock.integrations import detectron2 as ours  # noqa: E402
from support.detectron2_data import from_file, registered, registered_file  # noqa: E402


def parted(record: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """A dict without its segmentations, and these."""
    rows = [{key: row[key] for key in row if key != "segmentation"} for row in record["annotations"]]
    return {**record, "annotations": rows}, [row.get("segmentation") for row in record["annotations"]]


@pytest.mark.parametrize("name", ["boxes", "polygons", "bitmaps", "train", "val bitmaps"])
def test_dicts_are_detectron2_s(coco_pair: Callable[[str], CocoPair], name: str) -> None:
    from pycocotools import mask

    def pixels(segmentation: Any, size: tuple[int, int]) -> Any:
        if isinstance(segmentation, list):
            segmentation = mask.merge(mask.frPyObjects(segmentation, *size))
        return mask.decode(segmentation)

    pair = coco_pair(name)
    with registered(pair) as key:
        found, expected = DatasetCatalog.get(key), from_file(pair, f"deeplake://{key}")
    assert len(found) == len(expected)
    single = 0
    for own, theirs in zip(found, expected, strict=True):
        fields, masks = parted(own)
        wanted, wanted_masks = parted(theirs)
        assert fields == wanted
        size = own["height"], own["width"]
        for segmentation, other in zip(masks, wanted_masks, strict=True):
            if isinstance(segmentation, list) and isinstance(other, list) and len(other) == 1:
                assert segmentation == other
                single += 1
            elif other is not None and pixels(other, size).any():
                np.testing.assert_array_equal(pixels(segmentation, size), pixels(other, size))
    assert bool(single) == (name in ("polygons", "train"))


def test_metadata_are_detectron2_s(coco_pair: Callable[[str], CocoPair]) -> None:
    pair = coco_pair("boxes")
    with registered(pair, color="blue") as key, registered_file(pair) as other:
        DatasetCatalog.get(other)
        own, theirs = MetadataCatalog.get(key), MetadataCatalog.get(other)
        for name in ("thing_classes", "thing_dataset_id_to_contiguous_id", "evaluator_type"):
            assert own.get(name) == theirs.get(name)
        assert own.color == "blue"
        assert own.image_root == f"deeplake://{key}"


def test_images_are_read_by_the_names_in_the_dicts(coco_pair: Callable[[str], CocoPair]) -> None:
    pair = coco_pair("boxes")
    with registered(pair) as key:
        for own, theirs in zip(DatasetCatalog.get(key), from_file(pair, str(pair.images)), strict=True):
            found = detection_utils.read_image(own["file_name"], "BGR")
            np.testing.assert_array_equal(found, detection_utils.read_image(theirs["file_name"], "BGR"))
            content = Path(PathManager.get_local_path(own["file_name"])).read_bytes()
            assert content == (pair.images / own["file_name"].rpartition("/")[2]).read_bytes()
        assert PathManager.isfile(own["file_name"]) and not PathManager.isfile(f"deeplake://{key}/none.jpg")
        with pytest.raises(FileNotFoundError, match="no registered Deep Lake dataset has the file"):
            detection_utils.read_image(f"deeplake://{key}/none.jpg")
        with pytest.raises(PermissionError):
            PathManager.open(own["file_name"], "wb")


@pytest.mark.parametrize("name", ["boxes", "polygons", "bitmaps"])
def test_the_annotation_file_that_metrics_read(coco_pair: Callable[[str], CocoPair], name: str) -> None:
    pair = coco_pair(name)
    wanted = json.loads(pair.annotations.read_text())
    with registered(pair) as key:
        path = PathManager.get_local_path(MetadataCatalog.get(key).json_file)
        found = json.loads(Path(path).read_text())
    assert path.startswith("/proc/")
    assert found["categories"] == wanted["categories"]
    key_of = lambda row: (row["image_id"], row["bbox"], row["category_id"])  # noqa: E731
    for own, theirs in zip(
        sorted(found["annotations"], key=key_of), sorted(wanted["annotations"], key=key_of), strict=True
    ):
        for field in ("image_id", "bbox", "category_id", "iscrowd", "area"):
            assert own[field] == theirs[field]
        assert ("segmentation" in own) == ("segmentation" in theirs)


def test_what_cannot_be_registered(coco_pair: Callable[[str], CocoPair]) -> None:
    pair = coco_pair("boxes")
    with (
        registered(pair, "taken"),
        pytest.raises(ConfigError, match="there is a dataset 'taken' in Detectron2's DatasetCatalog already"),
    ):
        ours.register_deeplake("taken", pair.lake)
    with pytest.raises(DatasetNotFoundError):
        ours.register_deeplake("none", pair.lake / "none")
    with pytest.raises(ConfigError, match="tensors: unknown key 'images'"):
        ours.register_deeplake("none", pair.lake, {"images": "images"})
    with pytest.raises(ConfigError, match="there is no class 'wolf'"):
        ours.register_deeplake("none", pair.lake, classes=["cat", "wolf"])
    assert "none" not in DatasetCatalog


def test_some_classes_alone(coco_pair: Callable[[str], CocoPair]) -> None:
    with registered(coco_pair("boxes"), classes=["fox", "dog"]) as key:
        assert MetadataCatalog.get(key).thing_classes == ["dog", "fox"]
        assert MetadataCatalog.get(key).thing_dataset_id_to_contiguous_id == {3: 0, 90: 1}
        labels = {row["category_id"] for record in DatasetCatalog.get(key) for row in record["annotations"]}
        with PathManager.open(MetadataCatalog.get(key).json_file) as file:
            content = json.load(file)
    assert labels == {0, 1}
    assert {row["category_id"] for row in content["annotations"]} == {3, 90}
    assert [row["name"] for row in content["categories"]] == ["dog", "fox"]
