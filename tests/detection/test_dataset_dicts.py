"""Detectron2's dicts of a dataset, against the annotation file that it was made of."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.detection.dataset_dicts import DatasetDicts, rounded_corners
from penstock.detection.source import Source
from penstock.detection.tensors import resolve_tensors
from penstock.errors import ConfigError
from support.coco_lakes import CocoPair, write_awkward_coco
from support.mask_lakes import write_awkward_masks

MODE = object()


@pytest.fixture(scope="module")
def pairs(deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], CocoPair]:
    pytest.importorskip("pycocotools")
    made: dict[str, CocoPair] = {}

    def get(name: str) -> CocoPair:
        if name not in made:
            folder = tmp_path_factory.mktemp("dicts")
            made[name] = write_awkward_coco(folder) if name == "boxes" else write_awkward_masks(folder, name)  # type: ignore[arg-type]
        return made[name]

    return get


def dicts_of(pair: CocoPair, **options: Any) -> DatasetDicts:
    dataset = penstock.open(pair.lake)
    return DatasetDicts(Source(dataset, resolve_tensors(dataset), **options), "lake://x", MODE)


def in_file(pair: CocoPair, sizes: dict[int, tuple[int, int]]) -> list[dict[str, Any]]:
    """The dicts without segmentations, by hand."""
    content = json.loads(pair.annotations.read_text())
    ids = sorted(category["id"] for category in content["categories"])
    found = []
    for image in sorted(content["images"], key=lambda image: image["id"]):
        rows = [row for row in content["annotations"] if row["image_id"] == image["id"]]
        found.append(
            {
                "file_name": f"lake://x/{image['file_name']}",
                "height": sizes[image["id"]][0],
                "width": sizes[image["id"]][1],
                "image_id": image["id"],
                "annotations": [
                    {
                        "iscrowd": row["iscrowd"], "bbox": row["bbox"], "bbox_mode": MODE,
                        "category_id": ids.index(row["category_id"]),
                    }
                    for row in rows
                ],
            }
        )  # fmt: skip
    return found


def sizes_of(pair: CocoPair) -> dict[int, tuple[int, int]]:
    content = json.loads(pair.annotations.read_text())
    return {image["id"]: (image["height"], image["width"]) for image in content["images"]}


def without_masks(record: dict[str, Any]) -> dict[str, Any]:
    rows = [{key: row[key] for key in row if key != "segmentation"} for row in record["annotations"]]
    return {**record, "annotations": rows}


@pytest.mark.parametrize("name", ["boxes", "polygon", "binary_mask"])
def test_dicts_are_those_of_the_file(pairs: Callable[[str], CocoPair], name: str) -> None:
    pair = pairs(name)
    assert [without_masks(record) for record in dicts_of(pair)] == in_file(pair, sizes_of(pair))


def test_outlines_of_one_part_are_those_of_the_file(pairs: Callable[[str], CocoPair]) -> None:
    pair = pairs("polygon")
    content = json.loads(pair.annotations.read_text())
    wanted = {
        (row["image_id"], tuple(row["bbox"])): row["segmentation"]
        for row in content["annotations"]
        if isinstance(row["segmentation"], list) and len(row["segmentation"]) == 1
    }
    found = {
        (record["image_id"], tuple(row["bbox"])): row["segmentation"]
        for record in dicts_of(pair)
        for row in record["annotations"]
    }
    assert len(wanted) > 5
    assert {key: found[key] for key in wanted} == wanted


@pytest.mark.parametrize("name", ["polygon", "binary_mask"])
def test_masks_cover_what_the_file_s_cover(pairs: Callable[[str], CocoPair], name: str) -> None:
    from pycocotools import mask

    def pixels(segmentation: Any, size: tuple[int, int]) -> Any:
        if isinstance(segmentation, list):
            segmentation = mask.merge(mask.frPyObjects(segmentation, *size))
        elif isinstance(segmentation["counts"], list):
            segmentation = mask.frPyObjects(segmentation, *size)
        return mask.decode(segmentation)

    pair = pairs(name)
    content = json.loads(pair.annotations.read_text())
    sizes = sizes_of(pair)
    for record in dicts_of(pair):
        rows = [row for row in content["annotations"] if row["image_id"] == record["image_id"]]
        size = sizes[record["image_id"]]
        for row, found in zip(rows, record["annotations"], strict=True):
            wanted = pixels(row["segmentation"], size)
            if wanted.any():  # what encloses nothing is the box in a dataset of polygons
                np.testing.assert_array_equal(pixels(found["segmentation"], size), wanted)


def test_classes_that_are_not_used_are_left_out(pairs: Callable[[str], CocoPair]) -> None:
    pair = pairs("boxes")
    own = dicts_of(pair, classes=["fox", "dog"])
    assert own.class_ids == [3, 90] and own.class_names == ["dog", "fox"]
    labels = {1: 0, 3: 1}
    wanted = [
        [{**row, "category_id": labels[row["category_id"]]} for row in rows if row["category_id"] in labels]
        for rows in (record["annotations"] for record in in_file(pair, sizes_of(pair)))
    ]
    assert [record["annotations"] for record in own] == wanted
    with pytest.raises(ConfigError, match="there is no class 'wolf'"):
        dicts_of(pair, classes=["wolf"])


def test_images_with_objects(pairs: Callable[[str], CocoPair]) -> None:
    own = dicts_of(pairs("boxes"))
    wanted = [any(not row["iscrowd"] for row in record["annotations"]) for record in own]
    assert own.with_objects[own.order].tolist() == wanted
    assert 0 < sum(wanted) < len(wanted)


def test_corners_are_rounded_before_they_are_added() -> None:
    boxes = np.array([[0.1, 0.2, 0.3, 1e7 + 0.7]])
    left, top, width, height = boxes.astype(np.float32)[0]
    wanted = np.array([[left, top, left + width, top + height]], np.float32)
    np.testing.assert_array_equal(rounded_corners(boxes), wanted)
    random = np.random.default_rng(1).uniform(0, 640, (1000, 4)).round(2)
    added_first = (random[:, :2] + random[:, 2:]).astype(np.float32)
    assert (rounded_corners(random)[:, 2:] != added_first).any()


def test_files_of_one_name_are_told_apart(pairs: Callable[[str], CocoPair]) -> None:
    own = dicts_of(pairs("boxes"))
    vars(own.source)["filenames"] = ["a.jpg"] * len(own.source)
    assert own.file_names == [f"lake://x/{number}/a.jpg" for number in own.source.image_ids]
